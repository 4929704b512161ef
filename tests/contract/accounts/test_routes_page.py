"""The page of routes and roles is that of the routes."""

from tests.accounts import routes


def test_the_page_is_the_routes() -> None:
    assert routes.main(["--check"]) == 0
