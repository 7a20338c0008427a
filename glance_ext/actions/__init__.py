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
"""The life of a long-running job, whatever it does.

An action is a row of Glance's ``tasks``; ``record`` reads and shows it,
``begin`` accepts one, ``run`` is its owner's hold on it while it runs,
``executor`` decides when it runs, and ``keeper`` keeps it alive, takes it
over when its process died, and looks after what others undo. What an action
does is told by a plugin: see :class:`plugin.Plugin`.
"""
