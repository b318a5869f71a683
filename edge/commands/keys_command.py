"""`limen keys`: who may sign commands. Works on the door's files; what is written counts from the next command on."""

from __future__ import annotations

import re
from argparse import Namespace
from pathlib import Path
from typing import Final, get_args

import msgspec

from edge.clock import SystemClock, rfc3339
from edge.commands.configuration import chosen_settings
from edge.errors import LimenError
from edge.mqtt.keys import Right, changing_keys, make_key, read_keys
from edge.settings import Settings

_RIGHTS: Final[tuple[Right, ...]] = get_args(Right)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
_SPELLINGS: Final = {"enrol": "enroll"}


def execute(options: Namespace) -> int:
    """Make, list or revoke."""
    settings = chosen_settings(options)
    if options.action == "list":
        _list(settings)
    elif options.who is None:
        raise LimenError(f"limen keys {options.action}: say {'a name' if options.action == 'new' else 'which id'}")
    elif options.action == "new":
        _new(settings, options.who, _rights(options.rights or ""), options.out)
    else:
        _revoke(settings, options.who)
    return 0


def _rights(text: str) -> tuple[Right, ...]:
    words = {_SPELLINGS.get(word, word) for word in text.replace(",", " ").split()}
    if not words or words - set(_RIGHTS):
        raise LimenError(f"--rights: some of {','.join(_RIGHTS)}, with commas between")
    return tuple(word for word in _RIGHTS if word in words)


def _new(settings: Settings, name: str, rights: tuple[Right, ...], out: Path | None) -> None:
    if not _NAME.fullmatch(name):
        raise LimenError("the name of a key is 1-32 of A-Z a-z 0-9 _ -")
    path = out or Path(f"{name}.key")
    signer = make_key(settings.state, path, name, rights, rfc3339(SystemClock().wall()))
    print(f"{signer.id}  {name} may {', '.join(rights)}. Its private key is in {path}: give that file to the sender,")
    print("and keep no copy of it here. Whoever has it has these rights until `limen keys revoke`.")
    missing = [right for right in rights if right not in settings.mqtt.allow]
    if missing:
        print(f"note: mqtt.allow does not contain {', '.join(missing)}; without that the door refuses all the same.")


def _revoke(settings: Settings, wanted: str) -> None:
    with changing_keys(settings.state) as keys:
        for number, key in enumerate(keys):
            if key.id == wanted and key.revoked is None:
                keys[number] = msgspec.structs.replace(key, revoked=rfc3339(SystemClock().wall()))
                break
        else:
            raise LimenError(f"no key in force has the id {wanted}: see `limen keys list`")
    print(f"{wanted} is revoked.")


def _list(settings: Settings) -> None:
    keys = read_keys(settings.state).keys
    if not keys:
        print("There are no keys: enrolling needs no signature, and what always needs one is refused.")
        return
    print(f"{'id':<16}  {'name':<24} {'rights':<22} {'since':<10}  until")
    for key in keys:
        print(
            f"{key.id:<16}  {key.name:<24} {','.join(key.rights):<22} {key.created[:10]:<10}  "
            f"{'-' if key.revoked is None else key.revoked[:10]}"
        )
