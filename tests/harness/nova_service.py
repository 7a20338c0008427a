# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Nova's image service in a process of its own, one call a line.

``python -m tests.harness.nova_service URL`` in the environment ``nova`` reads
what ``encode`` made of a call and writes what it made of the outcome.
"""

import base64
import datetime
import io
import json
import sys
from typing import Any


def encode(value: Any) -> Any:
    """Return what JSON can have of a value."""
    if isinstance(value, bytes):
        return {'bytes': base64.b64encode(value).decode()}
    if isinstance(value, datetime.datetime):
        return {'time': value.isoformat()}
    if isinstance(value, dict):
        return {name: encode(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [encode(each) for each in value]
    return value


def decode(value: Any) -> Any:
    """Return the value again."""
    if isinstance(value, dict):
        if set(value) == {'bytes'}:
            return base64.b64decode(value['bytes'])
        if set(value) == {'time'}:
            return datetime.datetime.fromisoformat(value['time'])
        return {name: decode(each) for name, each in value.items()}
    return [decode(e) for e in value] if isinstance(value, list) else value


def call(service: Any, context: Any, method: str, how: Any) -> Any:
    """Return what a call of an image service gives, or the error's name.

    Data is a file for who uploads it, and is read when it is downloaded.
    """
    args, kwargs = how
    if isinstance(kwargs.get('data'), bytes):
        kwargs = {**kwargs, 'data': io.BytesIO(kwargs['data'])}
    try:
        found = getattr(service, method)(context, *args, **kwargs)
        if method == 'download' and found is not None:
            found = b''.join(found)
    except Exception as error:
        return {'error': type(error).__name__, 'words': str(error)[:200]}
    return {'result': found}


def main() -> None:
    """Answer calls until there are no more."""
    from nova import context
    import nova.conf
    from nova.image import glance

    nova.conf.CONF([], project='nova', default_config_files=[])
    nova.conf.CONF.set_override('api_servers', [sys.argv[1]], 'glance')
    nova.conf.CONF.set_override('num_retries', 0, 'glance')
    service = glance.get_default_image_service()
    for line in sys.stdin:
        (user, project, roles, token), method, *how = decode(json.loads(line))
        caller = context.RequestContext(
            user, project, roles=roles, auth_token=token
        )
        outcome = call(service, caller, method, how)
        print(json.dumps(encode(outcome)), flush=True)


if __name__ == '__main__':
    main()
