"""Detection of a card by its device files, without loading a driver or torch."""

from pathlib import Path

from trainer.errors import DeviceError, SettingsError

# NVIDIA's driver, WSL's bridge to Windows' driver, AMD's compute driver.
_DEVICE_FILES = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")


def card_device() -> bool:
    """Return whether the system shows a device other than the CPU that torch could compute on."""
    return any(Path(name).exists() for name in _DEVICE_FILES)


def fp16_needs_a_card() -> SettingsError:
    """Return the error of fp16 on a CPU: accelerate would take it there and leave out the loss scaler that fp16 needs."""
    return SettingsError(
        "mixed_precision", found="fp16 without a GPU", expected="no or bf16 on a CPU", way_out="set bf16, or auto"
    )


def xformers_needs_a_card() -> DeviceError:
    """Return the error of xformers without a card."""
    return DeviceError(
        "xformers",
        found="on, but no NVIDIA GPU was found",
        expected="a GPU",
        way_out="set xformers = false: torch's attention needs no more memory",
    )
