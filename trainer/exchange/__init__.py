"""What do a webui's words for a recipe mean here, and ours there?"""
