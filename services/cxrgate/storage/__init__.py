"""Encryption at rest: AES-256-GCM under a data key of its own for every snapshot and journal, wrapped by one key.

    storage key (a file outside the volume) -> wraps -> data key (NAME.wrapped, beside the data) -> seals -> data

To change the storage key, wrapped data keys are wrapped anew; to destroy data for good, delete the wrapped key.

Beside it `durable`: files that are there whole or not at all, which every writer of such files needs.
"""

from cxrgate.storage.durable import (
    PARTIAL,
    finish_replacement,
    replaced_folder,
    sync,
    whole_file,
    whole_folder,
    write_durably,
)
from cxrgate.storage.envelope import WRAPPED, create_data_key, open_data_key, rewrap, wrapped_keys
from cxrgate.storage.permissions import (
    EVERYBODY_MODE,
    FILE_MODE,
    OWNER_MODE,
    close_to_others,
    make_folder,
)
from cxrgate.storage.sealed_file import seal, unseal
from cxrgate.storage.sealed_lines import SealedLines

__all__ = [
    "EVERYBODY_MODE",
    "FILE_MODE",
    "OWNER_MODE",
    "PARTIAL",
    "WRAPPED",
    "SealedLines",
    "close_to_others",
    "create_data_key",
    "finish_replacement",
    "make_folder",
    "open_data_key",
    "replaced_folder",
    "rewrap",
    "seal",
    "sync",
    "unseal",
    "whole_file",
    "whole_folder",
    "wrapped_keys",
    "write_durably",
]
