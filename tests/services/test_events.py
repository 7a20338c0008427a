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
"""The events of actions, as they arrive at a real RabbitMQ."""

import json
import socket
import unittest
import uuid

import kombu

from tests.functional.hash_life import until
from tests.harness import glance

ADDRESS = ('127.0.0.1', 5672)
URL = 'amqp://guest:guest@127.0.0.1:5672//'
SECRET = 'geheim'


class Listener:
    """Reads what is published under a name of its own."""

    def __init__(self, name):
        self.name = name
        self._connection = kombu.Connection(URL)
        self._channel = self._connection.channel()
        # As oslo.messaging declares them.
        exchange = kombu.Exchange(name, 'topic', channel=self._channel,
                                  durable=False, auto_delete=False)
        self._queues = []
        for priority in ('info', 'error'):
            topic = f'{name}.{priority}'
            self._queues.append(kombu.Queue(
                topic, exchange, topic, channel=self._channel,
                durable=False, auto_delete=False))
            self._queues[-1].declare()
        self._exchange = exchange

    def read(self):
        """Return the events that have come, as (priority, event)."""
        found = []
        for queue in self._queues:
            while (message := queue.get(no_ack=True)) is not None:
                envelope = json.loads(message.body)
                event = json.loads(envelope['oslo.message'])
                found.append((queue.name.rpartition('.')[2], event))
        return found

    def close(self):
        for queue in self._queues:
            queue.delete()
        self._exchange.delete()
        self._connection.release()


class EventsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        try:
            socket.create_connection(ADDRESS, timeout=2).close()
        except OSError:
            raise unittest.SkipTest('skipped: RabbitMQ absent') from None
        name = f'glance-ext-{uuid.uuid4()}'
        cls.listener = Listener(name)
        cls.addClassCleanup(cls.listener.close)
        cls.glance = glance.Glance(config={
            'DEFAULT': {
                'http_retries': 0, 'control_exchange': name,
                'transport_url': URL.replace('amqp', 'rabbit')},
            'oslo_messaging_notifications': {
                'driver': 'messagingv2', 'topics': name}})
        cls.addClassCleanup(cls.glance.stop)
        cls.glance.start()

    def setUp(self):
        self.addCleanup(self.glance.clear_faults)
        self.events = []

    def seen(self, action, kind):
        """Return the one event of an action, as soon as it has come."""
        def look():
            self.events += self.listener.read()
            return [found for found in self.events
                    if found[1]['event_type'] == kind
                    and found[1]['payload'].get('action_id') == action]
        (found,) = until(look)
        for secret in (SECRET, '://', str(self.glance.directory)):
            self.assertNotIn(secret, json.dumps(found))
        return found

    def run_hash(self, image):
        answer = self.glance.request('POST', f'/v2/images/{image}/hash', {})
        self.assertEqual(202, answer.status, answer.text)
        return self.glance.wait_action(answer.json['id'])

    def copy(self, image, *stores):
        wanted = {'method': {'name': 'copy-image'}, 'stores': stores,
                  'all_stores_must_succeed': True}
        answer = self.glance.request(
            'POST', f'/v2/images/{image}/import', wanted)
        self.assertEqual(202, answer.status, answer.text)
        (action,) = until(lambda: self.glance.request(
            'GET', f'/v2/image-actions?image_id={image}'
            '&action_type=copy-image').json['image_actions'])
        return self.glance.wait_action(action['id'])

    def test_a_hash(self):
        image = self.glance.legacy(b'data')
        action = self.run_hash(image)
        priority, start = self.seen(action['id'], 'image.hash.start')
        self.assertEqual('info', priority)
        self.assertEqual('sha512', start['payload']['os_hash_algo'])
        self.assertEqual({}, start['payload']['result'])
        priority, end = self.seen(action['id'], 'image.hash.end')
        self.assertEqual('info', priority)
        payload = end['payload']
        self.assertEqual(
            (image, action['owner'], 1, None, action['result']),
            tuple(payload[name] for name in (
                'image_id', 'owner', 'attempt', 'error', 'result')))

    def test_a_hash_that_fails(self):
        image = self.glance.legacy(b'data')
        self.glance.sql(
            'update image_locations set value = ? where image_id = ?',
            (f'file:///{SECRET}/{SECRET}', image))
        action = self.run_hash(image)
        priority, event = self.seen(action['id'], 'image.hash.error')
        self.assertEqual('error', priority)
        self.assertEqual(action['error'], event['payload']['error'])

    def test_a_copy_has_an_event_for_each_store(self):
        image = self.glance.upload(b'data', stores=('fast',))
        action = self.copy(image, 'slow', 'cold')
        self.assertEqual('success', action['status'], action)

        def look():
            self.events += self.listener.read()
            found = {(event['event_type'], event['payload']['store'])
                     for _, event in self.events
                     if event['payload'].get('action_id') == action['id']}
            return found if len(found) == 4 else None
        self.assertEqual(
            {(f'image.copy.{word}', store) for word in ('start', 'end')
             for store in ('slow', 'cold')}, until(look))

    def test_a_copy_that_fails(self):
        image = self.glance.upload(b'data', stores=('fast',))
        self.glance.fault('raise', image=image)
        action = self.copy(image, 'slow')
        priority, event = self.seen(action['id'], 'image.copy.error')
        self.assertEqual('error', priority)
        self.assertEqual('slow', event['payload']['store'])
        self.assertEqual(action['error'], event['payload']['error'])
