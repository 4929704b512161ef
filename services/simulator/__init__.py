"""A Kreis in a box: plays providers, offices, coordinators and counsellors through the public doors."""
