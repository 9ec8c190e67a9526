// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseAddr reads an IPv4 address and a number after a separator: HOST:PORT, ADDRESS/BITS. The number is 1 to most. It is here and not taken
// from net, which would be most of the guest's init.
func ParseAddr(text string, separator byte, most int) (ip [4]byte, n int, err error) {
	host, number, found := strings.Cut(text, string(separator))
	if ip, err = ParseIPv4(host); err != nil {
		return ip, 0, err
	}
	n, err = strconv.Atoi(number)
	if !found || err != nil || n < 1 || n > most {
		return ip, 0, fmt.Errorf("%q: want an IPv4 address, %q and 1 to %d", text, separator, most)
	}
	return ip, n, nil
}

// ParseIPv4 reads an address.
func ParseIPv4(text string) (ip [4]byte, err error) {
	parts := strings.Split(text, ".")
	if len(parts) != len(ip) {
		return ip, fmt.Errorf("%q is no IPv4 address", text)
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 8)
		if err != nil {
			return ip, fmt.Errorf("%q is no IPv4 address", text)
		}
		ip[i] = byte(n)
	}
	return ip, nil
}
