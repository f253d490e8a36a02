"""The panes of each place that has some: whose terms its page of help and its part of docs/keys.md have."""

from collections.abc import Mapping
from types import MappingProxyType

from lora_tui.keys.places import KeyPlace
from lora_tui.screens.advice import AdviceList
from lora_tui.widgets.bake_list import BakeList
from lora_tui.widgets.block_map import BlockMap
from lora_tui.widgets.braille_plot import BraillePlot
from lora_tui.widgets.bucket_bars import BucketBars
from lora_tui.widgets.caption_tags import CaptionTags
from lora_tui.widgets.card_meter import CardMeter
from lora_tui.widgets.curve_stack import CurveStack
from lora_tui.widgets.doneness_view import DonenessView
from lora_tui.widgets.epoch_list import EpochList
from lora_tui.widgets.field_list import FieldList
from lora_tui.widgets.ladder_list import LadderList
from lora_tui.widgets.log_pane import LogPane
from lora_tui.widgets.parity_view import ParityView
from lora_tui.widgets.picture_list import PictureList
from lora_tui.widgets.plan_bar import GridCount, PlanBar
from lora_tui.widgets.progress import BakeProgress
from lora_tui.widgets.report_list import ReportList
from lora_tui.widgets.rung_list import RungList
from lora_tui.widgets.sheet_view import SheetView
from lora_tui.widgets.tag_table import TagTable
from lora_tui.wording.pane_terms import PaneTerms

PANES: Mapping[str, tuple[type, ...]] = MappingProxyType(
    {
        "bake": (FieldList, CardMeter, PlanBar, BakeProgress, BraillePlot, EpochList, LogPane),
        "curves": (CurveStack,),
        "grid": (FieldList, GridCount, SheetView),
        "journal": (BakeList, BraillePlot),
        "dataset": (PictureList, CaptionTags, TagTable, BucketBars),
        "ladders": (LadderList,),
        "ladder": (RungList, BraillePlot),
        "import report": (ReportList,),
        "export report": (ReportList,),
        "parity": (ParityView,),
        "doneness": (DonenessView,),
        "measures": (BlockMap, BraillePlot),
        "advice": (AdviceList,),
    }
)
"""Scope of a place -> classes of its panes, in their order."""


def terms_of(place: KeyPlace) -> tuple[PaneTerms, ...]:
    """Return what columns, figures and signs of a place mean."""
    found = (getattr(pane, "TERMS", None) for pane in PANES.get(place.scopes[-1], ()))
    return tuple(terms.in_words_of(None) for terms in found if isinstance(terms, PaneTerms))
