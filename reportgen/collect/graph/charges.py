"""Floating point operations by torch's own formulas, call by call of what its dispatcher runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch.utils.flop_counter import flop_registry

from reportgen.collect.guard import of_a_signal

# Matrix products, recurrences and transforms for which torch has no formula: what did one of them is not counted.
_WITHOUT_FORMULA = frozenset(
    (
        "mv",
        "addmv",
        "dot",
        "vdot",
        "addr",
        "cdist",
        "_cdist_forward",
        "_trilinear",
        "bilinear",
        "einsum",
        "_sparse_mm",
        "_sparse_addmm",
        "lstm",
        "gru",
        "rnn_tanh",
        "rnn_relu",
        "mkldnn_rnn_layer",
        "_cudnn_rnn",
        "miopen_rnn",
        "_lstm_mps",
        "quantized_lstm",
        "quantized_gru",
        "mkldnn_linear",
        "mkldnn_convolution",
        "miopen_convolution",
        "deform_conv2d",
        "_int_mm",
        "_grouped_mm",
        "_scaled_grouped_mm",
        "_transformer_encoder_layer_fwd",
        "_native_multi_head_attention",
        "linalg_inv_ex",
        "linalg_solve_ex",
        "linalg_lu",
        "linalg_qr",
        "_linalg_svd",
        "_linalg_eigh",
        "linalg_cholesky_ex",
        "_fft_r2c",
        "_fft_c2c",
        "_fft_c2r",
    )
)


# By name, since asking for the hash of an operator is a call of Python's. What is not among them counts nothing.
WORKING = frozenset(str(getattr(packet, "__name__", "")) for packet in flop_registry) | _WITHOUT_FORMULA


def flops_of_call(
    function: object, args: Sequence[object], kwargs: Mapping[str, object], made: object
) -> tuple[int, bool]:
    """(FLOPs of one call of the dispatcher, whether it is work that is not counted).

    A multiply-add is 2. torch counts matrix products, convolutions and attention, and nothing for element-wise work.
    """
    packet = getattr(function, "_overloadpacket", None)
    if packet is None:
        return 0, False
    formula = flop_registry.get(packet)
    if formula is None:
        return 0, packet.__name__ in _WITHOUT_FORMULA
    try:
        return int(formula(*args, **kwargs, out_val=made)), False
    except Exception as error:  # a formula that does not know this form of the call (a nested tensor)
        if of_a_signal(error):
            raise
        return 0, True
