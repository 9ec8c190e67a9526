# SPDX-License-Identifier: Apache-2.0
# A BMC in front of `lastpage wire bridge --control`: IPMI 2.0 by Debian's python3-pyghmi on 127.0.0.1.
#   bmc.py PORT USER PASSWORD COMMAND...     each request is COMMAND with status, on, off, cycle, reset or nmi after it
import subprocess
import sys

import pyghmi.ipmi.bmc as bmc

port, user, password, command = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]


def control(word):
    return subprocess.run(command + [word], check=True, capture_output=True, text=True).stdout.strip()


class BMC(bmc.Bmc):
    def get_power_state(self):
        return control('status')

    def power_on(self):
        control('on')

    def power_off(self):
        control('off')

    def power_cycle(self):
        control('cycle')

    def power_reset(self):
        control('reset')

    def pulse_diag(self):
        control('nmi')


server = BMC({user: password}, port=port, address='127.0.0.1')
print('listening', flush=True)
try:
    server.listen()
except KeyboardInterrupt:
    pass
