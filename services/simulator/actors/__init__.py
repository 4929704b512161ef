"""Who acts in the invented Kreis: providers, offices, coordinators, counsellors."""
