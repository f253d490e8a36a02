"""The keys of the Bake screen that hand on to whoever does the work."""

from lora_tui.screens.bake_dataset import BakeDataset
from lora_tui.screens.bake_journal import BakeJournal
from lora_tui.screens.bake_orders import BakeOrders
from lora_tui.screens.bake_starts import BakeStarts
from lora_tui.screens.import_dialogs import ImportDialogs
from lora_tui.screens.parity_dialogs import ParityDialogs
from lora_tui.screens.plan_dialogs import PlanDialogs
from lora_tui.screens.settings_files import SettingsFiles
from lora_tui.screens.settings_text import SettingsText


class BakeKeys:
    """What the keys call; a base of the screen beside Screen.

    Attributes:
        orders: to the bake shown.
        starts: of bakes, forks and twins.
        plans: the plan, the checks, fit.
        files: of settings.
        settings_text: the settings file in an editor.
        imports: of settings, from and for other trainers.
        parity: the table of trainers.
        journal: the way to all bakes and all ladders.
        dataset: the way to the data set.
    """

    orders: BakeOrders
    starts: BakeStarts
    plans: PlanDialogs
    files: SettingsFiles
    settings_text: SettingsText
    imports: ImportDialogs
    parity: ParityDialogs
    journal: BakeJournal
    dataset: BakeDataset

    def action_pause(self) -> None:
        """Pause the bake, or let it continue."""
        self.orders.pause_or_resume()

    def action_resume(self) -> None:
        """Queue the bake shown again, which ended early or was parked."""
        self.orders.resume()

    def action_save_now(self) -> None:
        """Save a LoRA after this step."""
        self.orders.save_now()

    def action_stop(self) -> None:
        """Ask, then stop the bake."""
        self.orders.stop()

    def action_stop_at_epoch(self) -> None:
        """Stop the bake at the end of its epoch."""
        self.orders.stop_at_epoch()

    def action_stop_part(self) -> None:
        """Ask which part stops training."""
        self.orders.stop_part()

    def action_free(self) -> None:
        """Save the state and unload the model from the GPU."""
        self.orders.free_card()

    def action_live_settings(self) -> None:
        """Ask which setting to change while the bake runs."""
        self.orders.change_live_settings()

    def action_report(self) -> None:
        """Write everything known of the bake shown as one HTML page, and copy the command that fetches it."""
        self.orders.write_report()

    def action_journal(self) -> None:
        """Show every bake."""
        self.journal.show()

    def action_ladders(self) -> None:
        """Show every ladder."""
        self.journal.show_ladders()

    def action_dataset(self) -> None:
        """Show the data set of the settings."""
        self.dataset.show()

    def action_bake(self) -> None:
        """Ask for a note, then bake the settings as they are."""
        self.starts.bake()

    def action_fork(self) -> None:
        """Ask for an epoch of the bake shown, then queue a bake that starts there with the edited settings."""
        self.starts.fork()

    def action_twin(self) -> None:
        """Ask what varies, then queue twins of the bake shown."""
        self.starts.twin()

    def action_bench(self) -> None:
        """Offer what can be done with LoRA files."""
        self.starts.bench()

    def action_plan(self) -> None:
        """Show the whole plan of the settings."""
        self.plans.show_plan()

    def action_checks(self) -> None:
        """Show what the checks found."""
        self.plans.show_checks()

    def action_hold_out(self) -> None:
        """Choose pictures to hold out."""
        self.plans.offer_hold_out()

    def action_fit(self) -> None:
        """Search the fastest settings that fit."""
        self.plans.offer_fit()

    def action_save_settings(self) -> None:
        """Save the settings to their file."""
        self.files.save()

    def action_edit_text(self) -> None:
        """Open the settings file in the user's editor."""
        self.settings_text.edit()

    def action_undo(self) -> None:
        """Take the last edit of the form back."""
        self.files.undo()

    def action_redo(self) -> None:
        """Do what was undone again."""
        self.files.redo()

    def action_new_subject(self) -> None:
        """Ask for a new subject and open its settings."""
        self.files.offer_new_subject()

    def action_open_settings(self) -> None:
        """Offer the workspace's settings files."""
        self.files.offer_others()

    def action_import_settings(self) -> None:
        """Ask for a source of settings, and show what they become."""
        self.imports.offer_import()

    def action_bake_again(self) -> None:
        """Read settings back from the newest LoRA of the bake shown."""
        self.imports.bake_again()

    def action_export_settings(self) -> None:
        """Ask for a trainer, and write the settings for it."""
        self.imports.offer_export()

    def action_compare_trainers(self) -> None:
        """Show what other trainers would make of the settings."""
        self.parity.show_table()
