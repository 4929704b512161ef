"""What the gateway does for people: names go to the support side, official numbers become references."""
