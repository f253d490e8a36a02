"""How a flow's times are drawn, in sd-scripts' words."""

from trainer.settings.model import Settings


def times_in_words(settings: Settings) -> dict[str, object]:
    """Return sd-scripts' options, by name, that draw a flow's times as `settings` do (anima_train_network.py, 2026-02).

    It shifts neither its `uniform` nor its `sigmoid`, and the middle of that one's normal number is always 0: what is shifted or lies
    elsewhere has other words there. Options that do not count beside these are left out. It has no word for laplace, which keeps
    ours.
    """
    sampling, shift = settings.timestep_sampling, settings.discrete_flow_shift
    drawn: dict[str, object]
    if sampling == "laplace":
        drawn = {"timestep_sampling": sampling}
    elif sampling == "logit_normal" and settings.logit_mean == 0:
        word = "sigmoid" if shift == 1 else "shift"
        drawn = {"timestep_sampling": word, "sigmoid_scale": settings.logit_std}
    elif sampling == "logit_normal":
        # The places of its sigma go from noise to picture.
        drawn = {
            "timestep_sampling": "sigma",
            "weighting_scheme": "logit_normal",
            "logit_mean": -settings.logit_mean,
            "logit_std": settings.logit_std,
        }
    elif shift == 1:
        drawn = {"timestep_sampling": "uniform"}
    else:
        drawn = {"timestep_sampling": "sigma", "weighting_scheme": "uniform"}
    return {**drawn, "discrete_flow_shift": shift}
