"""What is said of jobs that wait for nobody; apart from the queue's other words, which need the journal's records."""

NOT_RUNNING = "nothing is processing this queue: start it with `lora-tui queue run` or open the dashboard"
