"""LoRA files inspected, resized, merged, mixed, averaged, extracted and verified, module by module and without torch."""
