"""What lies in a grid's folder? Its sidecar, sheets and page, and what was judged."""
