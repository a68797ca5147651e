"""scratch"""
from tests.machine.test_found import *
def test_aba(tmp_path):
    story = Story(tmp_path, PLAIN, orders=40, returns=8, since=41, seed=3)
    assert story.run() == 0
    w = story.shop.world
    ids = w.touch_returns(5)
    assert story.run() == 0      # state knows the moved ones
    kept = story.state
    story.shop.sandbox.clock.advance(-30)
    assert story.run() == 0      # the clock put back: as before
    story.state = kept           # and this run's state is lost
    story.shop.sandbox.clock.advance(60)
    assert story.run() == 0
    there = {r["emag_id"]: r["request_status"] for r in story.rows("returns")}
    truth = {r["emag_id"]: r["request_status"] for r in w.returns()}
    print(ids, {k: (there[k], truth[k]) for k in there if there[k] != truth[k]})
    assert there == truth
