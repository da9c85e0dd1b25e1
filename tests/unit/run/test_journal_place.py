"""What is said of a journal on a file server."""

from pathlib import Path

import pytest

from cxrgate.run.journal_place import mount_of, network_sentence

LOCAL = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"
NFS = "40 22 0:50 / /shared rw,relatime shared:2 - nfs4 server:/export rw,vers=4.2,hard,local_lock=none"
NOLOCK = "41 22 0:51 / /old rw - nfs server:/old rw,vers=3,nolock,local_lock=all"
SPACED = r"42 22 0:52 / /with\040space rw - cifs //server/x rw"
LUSTRE = "43 40 0:53 / /shared/fast rw - lustre mgs@o2ib:/fast rw,flock"
MOUNTS = f"{LOCAL}\n{NFS}\n{NOLOCK}\n{SPACED}\n{LUSTRE}"


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/run", "ext4"),
        ("/shared", "nfs4"),
        ("/shared/out", "nfs4"),
        ("/shared/fast/out", "lustre"),
        ("/sharedother", "ext4"),
        ("/with space/out", "cifs"),
    ],
)
def test_the_nearest_mount_counts(folder, kind):
    assert mount_of(Path(folder), MOUNTS).kind == kind


@pytest.mark.parametrize(
    ("folder", "says"),
    [("/shared/out", "kept out for as long"), ("/old/out", "Start no second one"), ("/shared/fast", "as certain as")],
)
def test_what_holds_is_said(folder, says):
    assert says in network_sentence(Path(folder), MOUNTS)


def test_a_disk_of_the_host_needs_no_word():
    assert network_sentence(Path("/home/run"), MOUNTS) is None


def test_this_hosts_own_mounts_are_read(tmp_path):
    assert mount_of(tmp_path) is not None
