import torch
from torch import nn

from reportgen.collect.model_record import record_of
from reportgen.run import redact


class Weighted(nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = "/data/home/karlageheim/weights.pt"
        self.source = "https://me:s3cr3t@example.org/weights"
        self.api_key = "s3cr3t"
        self.alpha = 0.5


def test_settings_of_loss_and_optimizer_name_no_secret_and_no_user(monkeypatch):
    monkeypatch.setattr(redact, "_user", lambda: "karlageheim")
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD([{"params": model.parameters(), "name": "/home/karlageheim/x"}], lr=0.1)
    record = record_of("m", model, [optimizer], Weighted())
    assert "alpha=0.5" in record.criterion
    assert record.groups[0]["lr"] == 0.1
    for word in ("karlageheim", "s3cr3t"):
        assert word not in repr(record)
