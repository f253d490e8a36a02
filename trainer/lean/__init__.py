"""How does a step compute no more than it must, keep no more than it needs, and hold its frozen weights in little room?"""
