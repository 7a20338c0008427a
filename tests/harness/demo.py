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
"""A Glance 33 with the extension: shown step by step, or left running.

``python3.11 -m tests.harness.demo [--serve]``
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shlex
import subprocess
import sys
import time
from typing import Any

from tests.harness import glance
from tests.harness import venvs
from tests.harness.users import ADMIN

OPENSTACK = '.venvs/client/bin/openstack'
SIZE = 64 << 20
FIELDS = ('checksum', 'os_hash_algo', 'os_hash_value')
TRY = """
A Glance is running. In another terminal, from this directory:

    export {variables}
    alias openstack={openstack}
    openstack image list
    openstack image hash report
    openstack image hash calculate --wait old-image
    openstack image copy --all-stores --wait old-image
    openstack image verify --wait old-image
    openstack image show old-image

The same over HTTP:

    curl -i -X POST {url}/v2/images/{image}/hash \\
        -H "X-Auth-Token: $OS_TOKEN" \\
        -H "Content-Type: application/json" -d '{{"rehash": true}}'
    curl -s {url}/v2/image-actions/ACTION -H "X-Auth-Token: $OS_TOKEN"
    curl -s {url}/v2/info/glance-ext -H "X-Auth-Token: $OS_TOKEN"

Its files and its log are in {directory}.
Ctrl-C stops it and removes them.
"""


def main() -> int:
    """Show or serve; return 0 when everything was as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--serve', action='store_true', help='leave it running'
    )
    serve = parser.parse_args().serve
    say('Installing Glance 33 and the openstack command into .venvs')
    venvs.ensure('client')
    here = glance.Glance(venv='glance-33', inject=False)
    try:
        say('Starting Glance with glance_ext in its pipeline')
        here.start()
        pipeline = here.directory / 'etc' / 'glance-api-paste.ini'
        for line in pipeline.read_text().splitlines():
            if line.startswith('keystone ='):
                print(f'    {line}')
        print(f'    {here.url}, stores {", ".join(here.stores)}')
        return leave_running(here) if serve else show(here)
    except KeyboardInterrupt:
        return 0 if serve else 130
    finally:
        say('Stopping Glance')
        here.stop()


def show(here: glance.Glance) -> int:
    """Hash, copy, verify and repair an image; check what came of it."""
    image = old_image(here, 'old-image-1')
    say('Having the hash calculated over HTTP')
    path = f'/v2/images/{image}/hash'
    body = {'os_hash_algo': 'sha512'}
    print(f'    POST {path} {json.dumps(body)}')
    answer = here.request('POST', path, body)
    print(f'    {answer.status} Location: {answer.headers["Location"]}')
    if answer.status != 202:
        print(answer.text)
        return 1
    follow(here, answer.json['id'])
    good = [compare(here, image)]

    image = old_image(here, 'old-image-2')
    say('The same by the openstack command')
    good.append(command(here, 'hash', 'calculate', '--wait', image))
    good.append(compare(here, image))

    say('Copying it to every store: the plan, and then the copies')
    good.append(command(here, 'copy', '--all-stores', '--dry-run', image))
    good.append(command(here, 'copy', '--all-stores', '--wait', image))
    for store in here.stores:
        good.append(compare(here, image, store))

    say('Verifying it, after a byte of one copy was changed')
    damage(here, image, here.stores[-1])
    good.append(not command(here, 'verify', '--wait', image))
    say('Repairing that copy from a good one')
    good.append(command(here, 'verify', '--repair', '--wait', image))
    good.append(compare(here, image, here.stores[-1]))
    say('All is right' if all(good) else 'SOMETHING IS WRONG')
    return 0 if all(good) else 1


def command(here: glance.Glance, *words: str) -> bool:
    """Run ``openstack image``; return whether it ended with status 0."""
    line = [OPENSTACK, 'image', *words]
    print(f'    $ {shlex.join(line)}', flush=True)
    env = {k: v for k, v in os.environ.items() if not k.startswith('OS_')}
    done = subprocess.run(line, cwd=venvs.ROOT, env=env | variables(here))
    return done.returncode == 0


def damage(here: glance.Glance, image: str, store: str) -> None:
    """Change one byte of a copy, as a failing disk would."""
    file = here.store_file(store, image)
    with open(file, 'r+b') as opened:
        opened.seek(SIZE // 2)
        byte = opened.read(1)
        opened.seek(SIZE // 2)
        opened.write(bytes([byte[0] ^ 1]))
    print(f'    {file}: byte {SIZE // 2}')


def leave_running(here: glance.Glance) -> int:
    """Print what to try and wait for Ctrl-C, or for the server's end."""
    image = old_image(here, 'old-image')
    settings = ' '.join(
        f'{name}={shlex.quote(value)}'
        for name, value in variables(here).items()
    )
    print(
        TRY.format(
            variables=settings,
            openstack=OPENSTACK,
            url=here.url,
            image=image,
            directory=here.directory,
        ),
        flush=True,
    )
    while here.processes_alive():
        time.sleep(1)
    print(here.log()[-4000:])
    return 1


def old_image(here: glance.Glance, name: str) -> str:
    """Make an image as clouds from before Rocky have them; return its id."""
    say(f'Making {name}: an upload whose hash is then taken from the database')
    data = random.Random(name).randbytes(SIZE)
    image = here.legacy(data, name=name)
    tell(here.image(image))
    return image


def follow(here: glance.Glance, action: str) -> None:
    """Print an action whenever it has changed, until it is over."""
    seen = None
    while True:
        found = here.action(action)
        now = (found['status'], found['phase'], found['message'])
        if now != seen:
            print(f'    {": ".join(now)}')
        if found['phase'] == 'ended':
            return
        seen = now
        time.sleep(0.1)


def compare(here: glance.Glance, image: str, store: str = 'fast') -> bool:
    """Whether the image's hash is what sha512sum says of a copy."""
    found = here.image(image)
    tell(found)
    line = ['sha512sum', str(here.store_file(store, image))]
    print(f'    $ {shlex.join(line)}')
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    digest = done.stdout.split()[0]
    print(f'    {digest}')
    same = digest == found['os_hash_value']
    print(f'    {"the same" if same else "DIFFERENT"}')
    return same


def tell(image: Any) -> None:
    """Print what of an image matters here."""
    print(f'    {image["name"]} {image["id"]} is {image["status"]}')
    for field in FIELDS:
        print(f'    {field:13} {image[field]}')


def variables(here: glance.Glance) -> dict[str, str]:
    """Return what makes ``openstack`` the administrator of this Glance."""
    return {
        'OS_AUTH_TYPE': 'admin_token',
        'OS_ENDPOINT': f'{here.url}/v2',
        'OS_TOKEN': ADMIN.token,
    }


def say(text: str) -> None:
    """Print the title of a step."""
    print(f'\n== {text}', flush=True)


if __name__ == '__main__':
    sys.exit(main())
