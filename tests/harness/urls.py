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
"""Spellings of URLs, of which some are meant to be misread."""

from __future__ import annotations

from collections.abc import Iterator
import ipaddress
import random

SCHEMES = ('http', 'https', 'HTTP', 'hTTps', 'ftp', 'file', 'gopher', 'http+x',
           'http:http', '', 'htt\tp', 'ＨＴＴＰ', 'http%3a', 'javascript')
JOINTS = (':/', ':///', '://///', ':', '//', ':\\\\',
          ':/\\', '://\t', ':// ', '：//', ':\n//')
USERS = ('@', 'user@', 'user:word@', ':@', 'a@b@',
         'a%40b@', '8.8.8.8@', '8.8.8.8:80@', '8.8.8.8#@', '8.8.8.8?@',
         '8.8.8.8\\@', '8.8.8.8/@', '8.8.8.8%2f@', '[::1]@', '8.8.8.8 @',
         '8.8.8.8\t@', '8.8.8.8%00@', '8.8.8.8＠', ';@', '%@')
NAMES = ('example.org', 'EXAMPLE.Org', 'inside.example.org', 'localhost',
         'LOCALHOST', 'my_mirror', 'a', 'xn--bcher-kva.example', 'xn--',
         'xn--a', 'b\xfccher.example', 'example。org', 'ex．org',
         'ⓔxample.org',
         'exa\u00admple.org', 'stra\xdfe.example', '\u0130.org', 'K.org',
         'a\u200db.org', '①②⑦.⓪.⓪.①', '１２７.0.0.1', '-a.org', 'a-.org',
         'a..org', '.org', 'org.', 'example.org..', '*.org', 'a' * 64 + '.org',
         'a.' * 127 + 'org', 'example.org%00', 'example%2eorg',
         'ex%61mple.org',
         '127.0.0.1.example.org', 'example.org.127.0.0.1', '%31.0.0.1', 'a,b',
         'example.org;x', '$a', "a'b", 'a!b', '(a)', 'a=b', 'a+b', 'a&b', '[',
         ']', '[]', '[example.org]', '[v1.a]', '[::1', '::1]', '')
V4 = ('127.0.0.1', '127.255.3.4', '10.0.0.1', '172.16.5.4', '192.168.1.1',
      '169.254.169.254', '169.254.0.1', '0.0.0.0', '0.1.2.3',
      '255.255.255.255',
      '224.0.0.1', '100.64.0.1', '100.100.100.200', '192.0.2.1', '198.18.0.1',
      '168.63.129.16', '8.8.8.8', '93.184.216.34')
V6 = ('::', '::1', 'fe80::1', 'fec0::1', 'ff02::1', 'fc00::1', 'fd00:ec2::254',
      '2001:db8::1', '2002:7f00:1::', '2001:0:4136:e378::1', '64:ff9b::7f00:1',
      '64:ff9b:1::1', '100::1', '2600::1', '2a00:1450::1', '3fff::1',
      '5f00::1', 'fd12::1')
PORTS = (':80', ':443', ':8080', ':', ':0', ':080', ':65535',
         ':65536', ':4294967376', ':+80', ':-80', ': 80', ':80 ', ':８０',
         ':٨٠',
         ':8_0', ':0x50', ':80:80', ':80@8.8.8.8', ':80\\', ':%38%30', ':http',
         ':99999999999999999999999', ':80\t')
PATHS = ('', '/', '/', '/a/b', '/a?b=c', '/a#b', '/a%20b?c=%zz', '/../x',
         '/./x',
         '/%2e%2e/x', '//8.8.8.8/', '/\\8.8.8.8/', '\\8.8.8.8', '?x', '#x',
         '?@8.8.8.8/',
         '#@8.8.8.8/', ';@8.8.8.8/', '/@8.8.8.8', '/:80', '/ x', '/\tx',
         '/x\r\nHost: y',
         '/%0d%0aHost:%20y', '/\xfc', '/x\0', '/"', '/<x>', '/[x]', '/{x}|^`',
         '/x#y#z', '/x?y?z', '/' + 'x' * 3000, '/\ud800', '/x\x7f', '/\u2028')
NASTY = ('@:/\\#?%.[];,&= \t\r\n\0\x0b\x7f\xa0\xad\xfc。．：／＠＃？％﹕℀①ｅ０'
         '\u200b\u2028\ufeff\u0130ßKſ\ud800𝟏"<>^`{|}_~-+!$\'()*0x1a')
#: The host, which has none here, is made.
PARTS = (SCHEMES, JOINTS, USERS, (), PORTS, PATHS)


def spellings(seed: int, count: int) -> Iterator[str]:
    """Yield URLs, the same ones for a seed.

    Most have one or two parts that are odd, so that nothing else is why they
    are refused.
    """
    dice = random.Random(seed)
    for _ in range(count):
        odd = dice.sample(range(6), dice.choice((0, 1, 1, 1, 1, 2, 2, 3)))
        parts = [dice.choice(('http', 'https')), '://', '',
                 dice.choice(('example.org', '8.8.8.8', '[2600::1]')), '',
                 dice.choice(('/', '/a/b', '/a?b=c'))]
        for part in odd:
            parts[part] = (_host(dice) if part == 3
                           else dice.choice(PARTS[part]))
        url = ''.join(parts)
        for _ in range(dice.choice((0, 0, 0, 0, 0, 1, 2))):
            url = _changed(dice, url)
        yield url


def _host(dice: random.Random) -> str:
    kind = dice.randrange(3)
    if kind == 0:
        host = dice.choice(NAMES)
    elif kind == 1:
        host = _v4(dice, dice.choice(V4))
    else:
        host = _v6(dice)
    return host + dice.choice(('', '', '', '', '', '', '.', '..', '%00', '。'))


def _v4(dice: random.Random, text: str) -> str:
    """Write an address in a way that something may take for it."""
    octets = [int(each) for each in text.split('.')]
    number = int(ipaddress.IPv4Address(text))
    return dice.choice((
        text, text, str(number), hex(number), oct(number).replace('o', ''),
        f'0X{number:x}', f'0x{number:08x}', str(number + (1 << 32)),
        '.'.join(f'0{each:o}' for each in octets),
        '.'.join(f'{each:03}' for each in octets),
        '.'.join(hex(each) for each in octets),
        '.'.join(str(each + 256) for each in octets),
        f'{octets[0]}.{number & 0xffffff}',
        f'{octets[0]}.{octets[1]}.{number & 0xffff}',
        f'{octets[0]:#x}.{octets[1]}.{octets[2]:#o}.{octets[3]}',
        f'{text}.', f'.{text}', text.replace('.', '。'), f'{text}%25eth0',
        text.translate({ord('0') + i: 0xff10 + i for i in range(10)}),
        text.replace('.', '%2e'), f'[{text}]', f' {text}', f'+{text}'))


def _v6(dice: random.Random) -> str:
    if dice.random() < 0.5:
        v4 = dice.choice(V4)
        number = int(ipaddress.IPv4Address(v4))
        text = dice.choice(('::ffff:', '::FFFF:', '::ffff:0:', '::',
                            '64:ff9b::',
                            '0:0:0:0:0:ffff:', '2002:', '64:ff9b:1::'))
        text += dice.choice((v4, f'{number >> 16:x}:{number & 0xffff:x}'))
    else:
        text = dice.choice(V6)
    try:
        address = ipaddress.IPv6Address(text)
        text = dice.choice((text, text, address.exploded, address.compressed,
                            text.upper(), text.replace('::', ':0::')))
    except ValueError:
        pass
    zone = dice.choice(('', '', '', '', '%eth0', '%25eth0', '%1', '%'))
    return dice.choice((f'[{text}{zone}]', f'[{text}{zone}]', f'[[{text}]]',
                        text, f'[{text}', f'{text}]', f'[{text}]x',
                        f'x[{text}]'))


def _changed(dice: random.Random, url: str) -> str:
    at = dice.randrange(len(url) + 1)
    piece = url[at:at + 1]
    how = dice.randrange(6)
    if how == 0:
        return url[:at] + dice.choice(NASTY) + url[at:]
    if how == 1:
        return url[:at] + url[at + 1:]
    if how == 2:
        return url[:at] + piece + url[at:]
    if how == 3:
        escaped = ''.join(f'%{byte:02x}' for byte in piece.encode(
            'utf-8', 'surrogatepass'))
        return url[:at] + escaped + url[at + 1:]
    if how == 4:
        return url[:at] + piece.swapcase() + url[at + 1:]
    return url[:at] + dice.choice(NASTY) + url[at + 1:]
