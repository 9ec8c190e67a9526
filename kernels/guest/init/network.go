// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"lastpage/kernels/plan"
)

// cardWait bounds the wait for a network card: its driver may be probing.
const cardWait = 20 * time.Second

// ifreq is struct ifreq with an address or flags (include/uapi/linux/if.h).
type ifreq struct {
	name [16]byte
	data [24]byte
}

// rtentry is struct rtentry of a 64-bit kernel (include/uapi/linux/route.h).
type rtentry struct {
	_            uint64
	dst, gw, net [16]byte
	flags        uint16
	_            [6]byte
	_            [56]byte
}

// network gives the first card an address.
func network(o *plan.Offer) error {
	ip, bits, err := plan.ParseAddr(o.Address, '/', 32)
	if err != nil {
		return err
	}
	card, err := findCard()
	if err != nil {
		return err
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	ioctl := func(what string, request uintptr, p unsafe.Pointer) error {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), request, uintptr(p)); errno != 0 {
			return fmt.Errorf("network card %s: %s: %w", card, what, errno)
		}
		return nil
	}
	var mask [4]byte
	binary.BigEndian.PutUint32(mask[:], ^uint32(0)<<(32-bits))
	var r ifreq
	copy(r.name[:15], card)
	address := inet(ip)
	copy(r.data[:], address[:])
	if err := ioctl("address "+o.Address, syscall.SIOCSIFADDR, unsafe.Pointer(&r)); err != nil {
		return err
	}
	address = inet(mask)
	copy(r.data[:], address[:])
	if err := ioctl("netmask", syscall.SIOCSIFNETMASK, unsafe.Pointer(&r)); err != nil {
		return err
	}
	binary.NativeEndian.PutUint16(r.data[:], syscall.IFF_UP|syscall.IFF_RUNNING)
	if err := ioctl("up", syscall.SIOCSIFFLAGS, unsafe.Pointer(&r)); err != nil || o.Gateway == "" {
		return err
	}
	gw, err := plan.ParseIPv4(o.Gateway)
	if err != nil {
		return err
	}
	route := rtentry{dst: inet([4]byte{}), gw: inet(gw), net: inet([4]byte{}), flags: syscall.RTF_UP | syscall.RTF_GATEWAY}
	return ioctl("gateway "+o.Gateway, syscall.SIOCADDRT, unsafe.Pointer(&route))
}

// inet is struct sockaddr_in.
func inet(ip [4]byte) (a [16]byte) {
	binary.NativeEndian.PutUint16(a[:], syscall.AF_INET)
	copy(a[4:], ip[:])
	return a
}

func findCard() (string, error) {
	for begin := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		all, err := os.ReadDir("/sys/class/net")
		for _, e := range all {
			if e.Name() != "lo" {
				return e.Name(), nil
			}
		}
		if time.Since(begin) > cardWait {
			return "", fmt.Errorf("no network card after %s: is its driver among the modules of kdump? %w", cardWait, err)
		}
	}
}
