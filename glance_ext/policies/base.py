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

"""Check strings, worded as Glance words its own.

``context_is_admin`` is Glance's rule, so an operator who redefines it
redefines ours with it.
"""

ADMIN = 'rule:context_is_admin'
ADMIN_OR_PROJECT_MEMBER = (
    f'{ADMIN} or (role:member and project_id:%(project_id)s)')
ADMIN_OR_PROJECT_READER = (
    f'{ADMIN} or (role:reader and project_id:%(project_id)s)')
