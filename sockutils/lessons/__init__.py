"""What each lesson asks: its checks (listen.py) and its title and questions (listen.toml)."""
