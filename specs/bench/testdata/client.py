# SPDX-License-Identifier: Apache-2.0
# labgrid's drivers on a board: client.py PROTOCOL PORT SWITCH. PROTOCOL is raw or rfc2217, SWITCH a command that wants on, off or cycle.
# It prints what the loader says of itself.
import sys

from labgrid import Target
from labgrid.driver import ExternalPowerDriver, SerialDriver
from labgrid.resource import NetworkSerialPort

protocol, port, switch = sys.argv[1:4]
board = Target('board')
NetworkSerialPort(board, name=None, host='127.0.0.1', port=int(port), speed=115200, protocol=protocol)
console = SerialDriver(board, name=None)
power = ExternalPowerDriver(board, name=None, cmd_on=switch + ' on', cmd_off=switch + ' off', cmd_cycle=switch + ' cycle')
board.activate(console)
board.activate(power)
try:
    power.cycle()
    console.expect('autoboot', timeout=60)
    console.write(b'\r')
    console.expect('=> ', timeout=60)
    console.sendline('version')
    print(console.expect(r'U-Boot 20\S+ ', timeout=60)[2].group(0).decode().strip())
finally:
    power.off()
    board.deactivate(console)
