import argparse
import dataclasses
import getpass
import platform
from pathlib import Path

import numpy as np
import pytest
import torch

from reportgen.config import HIDDEN
from reportgen.errors import InvalidArgumentError
from reportgen.run import redact
from reportgen.run.redact import redact_argv, redact_config, scrub

SECRET = "s3cr3t"
USER, HOST = "karlageheim", "wunderhost77"


@pytest.fixture
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home" / USER
    (folder / "work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    monkeypatch.setattr(getpass, "getuser", lambda: USER)
    monkeypatch.setattr(platform, "node", lambda: HOST)
    monkeypatch.chdir(folder / "work")
    redact._user.cache_clear()
    yield folder
    redact._user.cache_clear()


def test_nested_settings_are_joined_by_dots():
    assert redact_config({"optimizer": {"lr": 0.1, "betas": {"first": 0.9}}, 3: True}) == {
        "optimizer.lr": 0.1,
        "optimizer.betas.first": 0.9,
        "3": True,
    }


@pytest.mark.parametrize(
    "key", ["token", "HF_TOKEN", "client-secret", "password", "db_passwd", "credentials", "api_key", "apikey", "Auth"]
)
def test_secrets_are_hidden_by_their_key_however_deep(key):
    for config in ({key: SECRET}, {"a": {key: SECRET}}, {key: {"inner": SECRET}}, {"a": [{key: SECRET}]}):
        found = redact_config(config)
        assert SECRET not in str(found)
        assert HIDDEN in str(found)


def test_values_become_plain():
    @dataclasses.dataclass
    class Settings:
        lr: float = 0.5

    found = redact_config(
        {
            "dtype": torch.bfloat16,
            "path": Path("data/x"),
            "loss": torch.nn.functional.cross_entropy,
            "numpy": np.float32(0.5),
            "sizes": (3, 4),
            "data": Settings(),
            "args": argparse.Namespace(seed=1),
            "nan": float("nan"),
            "none": None,
        }
    )
    assert found["dtype"] == "torch.bfloat16"
    assert found["path"] == str(Path("data/x"))
    assert found["loss"] == "cross_entropy"
    assert found["numpy"] == 0.5
    assert found["data.lr"] == 0.5
    assert found["args.seed"] == 1
    assert found["none"] is None
    assert "3" in found["sizes"]
    assert all(value is None or type(value) in (str, int, float, bool) for value in found.values())


def test_values_that_compare_or_convert_oddly_cost_no_other_setting():
    found = redact_config(
        {"api_token": np.array([1, 2]), "in": [{"token": torch.ones(2)}], "wide": np.longdouble(2), "use_auth": True}
    )
    assert found["api_token"] == HIDDEN
    assert HIDDEN in found["in"]
    assert "2" in found["wide"]
    assert found["use_auth"] is True


def test_a_configuration_that_holds_itself_or_breaks_in_repr_is_survived():
    class Broken:
        def __repr__(self):
            raise RuntimeError("no")

    config = {"broken": Broken()}
    config["self"] = config
    assert "Broken" in redact_config(config)["broken"]


@pytest.mark.parametrize("config", [3, "lr=0.1", [("lr", 0.1)]])
def test_what_is_no_configuration_is_refused(config):
    with pytest.raises(InvalidArgumentError, match=r"config is .*accepted"):
        redact_config(config)
    assert redact_config(None) == {}


@pytest.mark.parametrize(
    "argv",
    [
        ["t.py", f"--api-key={SECRET}"],
        ["t.py", "--api-key", SECRET],
        ["t.py", "--password", SECRET, "--lr", "0.1"],
        ["t.py", "--token", f"--{SECRET}"],
        ["t.py", f"WANDB_API_KEY={SECRET}"],
        ["t.py", f"https://user:{SECRET}@example.org/x"],
        ["t.py", f"--url=https://{SECRET}@example.org/x"],
        ["t.py", f"https://user:p@{SECRET}@example.org/x"],
        ["t.py", f"hub.token={SECRET}"],
    ],
)
def test_a_command_line_shows_no_secret(argv):
    found = redact_argv(argv)
    assert SECRET not in " ".join(found)
    assert len(found) == len(argv)


def test_a_command_line_is_otherwise_as_it_was(home):
    script = str(home / "work" / "train.py")
    assert redact_argv([script, "--lr", "0.1", "--name=x"]) == ("train.py", "--lr", "0.1", "--name=x")
    assert redact_argv(["/opt/somewhere/train.py"]) == ("train.py",)
    assert redact_argv([]) == ()


def test_names_of_home_folder_user_and_host_are_taken_out(home):
    text = f"{home}/data on {HOST}:8080 by {USER}, /home/{USER}/x, C:\\Users\\{USER}\\x, {home}/work/train.py"
    found = scrub(text)
    for word in (USER, HOST, str(home)):
        assert word not in found
    assert "~/data" in found
    assert "./train.py" in found


def test_a_host_is_known_without_its_domain_too(monkeypatch):
    monkeypatch.setattr(platform, "node", lambda: f"{HOST}.cluster.example.org")
    assert scrub(f"tcp to {HOST}:29500, {HOST}.cluster.example.org") == "tcp to (host):29500, (host)"


def test_a_short_or_common_user_name_is_no_reason_to_cut_words(monkeypatch):
    monkeypatch.setattr(getpass, "getuser", lambda: "test")
    redact._user.cache_clear()
    assert scrub("test loss of the test set") == "test loss of the test set"
    redact._user.cache_clear()


def test_harmless_text_stays(home):
    for text in ("", "lr 0.1", "tokens per second", "\ud800\x00", "a" * 10_000, "e-mail me@example.org"):
        assert scrub(text) == text
