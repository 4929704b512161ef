"""Changes to a registered person, entered at the desk."""
