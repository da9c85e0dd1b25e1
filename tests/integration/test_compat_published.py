import numpy as np
import torch
from support.inline_decoder import InlineDecoder
from support.pipeline_sets import jpeg, write_seed_config

from cxrgate.compat import read_pipeline_config
from cxrgate.compat.embed import embed
from cxrgate.compat.lookup import read_lookup_table
from cxrgate.compat.step import Options
from cxrgate.core.digest import file_digest
from cxrgate.models import RetrievalArchitecture
from cxrgate.models.networks.build import build_network


def test_published_checkpoint_is_imported_on_the_fly_and_once(tmp_path, monkeypatch):
    """The true shapes: ResNet-50, 34 million parameters, every key with the prefix of the seed's Lightning module."""
    monkeypatch.setattr("cxrgate.compat.describe.SandboxedDecoder", InlineDecoder)
    torch.manual_seed(0)
    network = build_network(RetrievalArchitecture()).eval()
    state = {f"model.{key}": value for key, value in network.state_dict().items()}
    torch.save(state, tmp_path / "retrieval_model.pth")
    (tmp_path / "real").mkdir()
    (tmp_path / "real/a.jpg").write_bytes(jpeg(1))
    changes = {"dataset_name": "folder", "real_dataset_path": "real", "real_dataset_splits_path": None}
    config = read_pipeline_config(write_seed_config(tmp_path, retrieval_model="retrieval_model.pth", **changes))
    embed(config, Options())
    imported = list((tmp_path / "outputs/cxrgate/models").iterdir())
    before = (imported[0] / "model.json").stat().st_mtime_ns
    embed(config, Options())
    (row,) = read_lookup_table(config.lookup_table_output).values()

    assert [path.name for path in imported] == [f"retrieval-{file_digest(tmp_path / 'retrieval_model.pth')[:16]}"]
    assert (imported[0] / "model.json").stat().st_mtime_ns == before
    assert row.shape == (128,)
    assert np.isfinite(row).all()
