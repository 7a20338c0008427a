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

extensions = [
    'cliff.sphinxext',
    'openstackdocstheme',
    'oslo_config.sphinxext',
    'oslo_policy.sphinxext',
    'sphinx.ext.autodoc',
]

project = 'glance-ext'
copyright = 'The glance-ext authors'
root_doc = 'index'
templates_path: list[str] = []
exclude_patterns: list[str] = []
pygments_style = 'native'

html_theme = 'openstackdocs'

# What every command of the openstack client has.
autoprogram_cliff_ignored = [
    '--help',
    '--column',
    '--fit-width',
    '--format',
    '--max-width',
    '--noindent',
    '--prefix',
    '--print-empty',
    '--quote',
    '--sort-ascending',
    '--sort-column',
    '--sort-descending',
    '--variable',
]

openstackdocs_repo_name = 'openstack/glance-ext'
openstackdocs_auto_name = False
