"""The painted WeChat for the measurement: python -m bench.wechat PORT APP_ID SECRET PEOPLE."""

import sys

from gateway.simulator.run import run_simulator
from gateway.simulator.scene import SimApp, SimUser, WeChatSim

if __name__ == "__main__":
    port, app_id, secret, people = sys.argv[1:]
    users = tuple(SimUser(f"user{number}", f"User {number}") for number in range(int(people)))
    run_simulator("127.0.0.1", int(port), WeChatSim(apps=(SimApp(app_id, secret),), users=users))
