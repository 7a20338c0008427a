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

"""Nova's Images API and ours, on every kind of image server."""

import unittest

from tests.harness import compat
from tests.harness import compute_steps
from tests.harness import glance15
from tests.harness import nova
from tests.harness import soaking

# What Nova gets wrong: the filters that miss what they ask for. Our view
# itself shows the same in tests/functional/test_compat_compute.py.
DEFECTS = {
    f'GET {path}?{query}'
    for path in ('/images', '/images/detail')
    for query in (
        'name=queued&status=SAVING',
        'property-os_type=linux&name=one',
        'property-other=x&name=one',
    )
}


@soaking.soak
class NovaApiTest(unittest.TestCase):
    maxDiff = None

    def test_the_views_agree_with_nova_and_with_each_other(self):
        glance = compat.shared()
        with nova.Nova(glance.url) as theirs, glance15.Glance15() as old:
            expected = compute_steps.steps(compute_steps.Run(
                'nova', compute_steps.served(theirs, '/v2.1'), glance))
            runs = {
                name: compute_steps.steps(compute_steps.Run(name, ask, where))
                for name, ask, where in (
                    ('mounted',
                     compute_steps.served(glance, '/compute/v2.1'), glance),
                    ('face', compute_steps.in_process(
                        compat.service(glance.url, v1=True)), glance),
                    ('old', compute_steps.in_process(
                        compat.service(old.url, v1=True)), old),
                )
            }
        for name, answers in runs.items():
            same = [answers[step] == expected[step] for step in expected]
            print(f'{name}: {sum(same)} of {len(same)} answers are the same')
            for step, answer in expected.items():
                with self.subTest(name, step=step):
                    if step in DEFECTS:
                        self.assertNotEqual(answer, answers[step])
                        answer = runs['mounted'][step]
                    self.assertEqual(answer, answers[step])
