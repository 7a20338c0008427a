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
"""Images that are made of what lies elsewhere."""

import hashlib
from pathlib import Path
import tempfile
from unittest import mock

from glance_ext import errors
from glance_ext.host import images
from glance_ext.plugins import image_import
from glance_ext.plugins import staged
from tests.unit.plugins import future
from tests.unit.plugins.future import DATA
from tests.unit.stored import IMAGE

WHERE = 'https://example.com/disk'
SHA256 = hashlib.sha256(DATA).hexdigest()


class Elsewhere:
    """A source whose files are on this host; ``troubles`` come first."""

    def __init__(self, file):
        self.file = file
        self.troubles = []
        self.opened = []

    def open(self, run, location, most):
        self.opened.append(location)
        if self.troubles:
            raise self.troubles.pop(0)
        return staged.StagedFile(self.file)


class Case(future.FutureCase):
    def setUp(self):
        super().setUp()
        file = Path(self.enterContext(tempfile.TemporaryDirectory()),
                    'source')
        file.write_bytes(DATA)
        self.source = Elsewhere(file)
        self.enterContext(mock.patch.object(
            image_import.sources, 'load',
            lambda scheme: self.source if scheme == 'https' else None))

    def fetch(self, *troubles, location=WHERE, **body):
        self.source.troubles += troubles
        self.have(location=location, **{
            'kept': {'location': location, 'secret': []}} | body)

    def made(self, attempt=1):
        self.make()
        self.assertEqual({'fast': DATA, 'slow': DATA}, self.held())
        self.assertEqual(('active', attempt), (
            images.read(IMAGE).status, self.row().attempt))

    def refused_in_full(self, kind, message):
        self.refused(kind, f'Could not retrieve image.  {message}')
        self.undo()
        self.nothing_is_left()


class FetchTest(Case):
    def test_what_lies_there_becomes_the_image(self):
        self.fetch()
        self.made()
        self.assertEqual([(WHERE, '')], self.source.opened)

    def test_the_query_is_a_secret(self):
        self.fetch(kept={'location': WHERE, 'secret': ['location']})
        self.run_._secrets = {'location': 'token=x'}
        self.made()
        self.assertEqual([(WHERE, 'token=x')], self.source.opened)

    def test_a_secret_that_went_with_another_process(self):
        self.fetch(kept={'location': WHERE, 'secret': ['location']})
        self.refused_in_full(
            errors.CredentialsLost,
            'The query string of the URI went with the process that accepted '
            'the action; secret_key would keep it.')

    def test_what_passes_is_tried_again(self):
        self.fetch(errors.SourceChanged('it changed'))
        self.made(attempt=2)

    def test_what_does_not_pass(self):
        self.fetch(*[errors.SourceChanged('it changed')] * 2)
        self.refused_in_full(errors.SourceChanged, 'It changed.')

    def test_a_download_has_made_its_attempts_by_itself(self):
        self.fetch(errors.RemoteTimeout('it took too long'))
        self.refused_in_full(errors.RemoteTimeout, 'It took too long.')
        self.assertEqual(1, len(self.source.opened))

    def test_the_answer_of_a_server_is_told(self):
        answer = errors.RemoteRefused('no')
        answer.status = 404
        self.fetch(answer)
        self.refused_in_full(
            errors.RemoteRefused,
            f"Received 404 response for url '{WHERE}'.")

    def test_a_scheme_that_nobody_reads(self):
        self.fetch(location='ftp://example.com/disk')
        self.refused_in_full(
            errors.DestinationRefused,
            'This host cannot read from locations of that scheme.')

    def test_a_cancelled_one_is_not_told_in_other_words(self):
        self.fetch(errors.Cancelled('The action was cancelled'))
        self.refused(errors.Cancelled, 'The action was cancelled')


class DigestTest(Case):
    def listed(self, text):
        """Let a file of digests, which lies beside, say so."""
        self.fetch(kept={'location': WHERE, 'secret': [],
                         'hash_uri': f'{WHERE}.sum'})
        self.enterContext(mock.patch.object(
            image_import.web_download, 'download',
            lambda run, url, most: url))
        self.listing = self.enterContext(mock.patch.object(
            image_import.web_download, 'listed_digest', **text))

    def test_a_digest_that_a_file_lists(self):
        self.listed({'return_value': {'sha256': SHA256}})
        self.made()
        self.listing.assert_called_once_with(
            f'{WHERE}.sum', WHERE, f'{WHERE}.sum')

    def test_another_digest_than_a_file_lists(self):
        self.listed({'return_value': {'sha256': '0' * 64}})
        self.refused(errors.HashMismatch,
                     'The sha256 of the data is not the one that was asked '
                     'for')

    def test_a_file_that_lists_none(self):
        self.listed({'side_effect': errors.DigestUnknown('not there')})
        self.refused(errors.DigestUnknown, 'not there')
        self.assertEqual([], self.source.opened)
