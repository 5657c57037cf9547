"""A real Minecraft server and a client bot behind the contract: node processes that Python starts, drives and ends."""
