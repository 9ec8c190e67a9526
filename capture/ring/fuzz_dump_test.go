// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"context"
	"testing"
	"time"
)

// FuzzDump: any file (whole), or a good dump with damage: patches of five bytes, offset (3), how, value, and cut short by so many bytes. form
// chooses the container.
func FuzzDump(f *testing.F) {
	m, _ := kdumpMachine(f)
	info := m.vmcoreinfo()
	m.plant(testMemory-pageSize, info)
	forms := [][]byte{
		kdumpForm{version: 6, pack: packZlib, flags: pageZlib, level: 1}.file(m.mem, info),
		kdumpForm{version: 6, pack: packLZO, flags: pageLZO, level: 1}.file(m.mem, info),
		kdumpForm{version: 6, pack: packSnappy, flags: pageSnappy, level: 1}.file(m.mem, info),
		kdumpForm{version: 6, pack: packZstd, flags: pageZstd, level: 1}.file(m.mem, info),
		kdumpForm{version: 5, level: 1, first: 0, end: testMemory/pageSize - 1}.file(m.mem, info),
		kdumpForm{version: 6, block: 64 << 10, pack: packZlib, flags: pageZlib, noInfo: true}.file(m.mem, info),
		elfOf(machineX86, []phdr{{filesz: 3 << 20, memsz: 3 << 20}, {phys: 3 << 20, off: 3 << 20, filesz: 3 << 20, memsz: 4 << 20}}, m.mem, nil),
	}
	for _, b := range forms[:2] {
		forms = append(forms, flatten(b, 5000))
	}
	f.Add(byte(0), uint32(0), []byte{})
	f.Add(byte(255), uint32(0), append([]byte(kdMagic), make([]byte, 500)...))
	f.Add(byte(255), uint32(0), flatEnd(flatPiece(flatHead(), 0, []byte(elfMagic))))
	f.Add(byte(255), uint32(0), []byte(limeMagic+"\x01\x00\x00\x00"))
	for i := range forms {
		f.Add(byte(i), uint32(0), []byte{})
		f.Add(byte(i), uint32(5000), []byte{0x80, 0, 9, 1, 1})
		f.Add(byte(i), uint32(0), []byte{0x81, 1, 180, 0, 0x10, 0x82, 0x10, 8, 0, 31})
	}
	f.Fuzz(func(t *testing.T, form byte, cut uint32, b []byte) {
		if int(form) < len(forms) {
			good := forms[form]
			b = damaged(good[:len(good)-min(len(good), int(cut))], b)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		d := &Dump{}
		if d.recognise(ctx, []sized{bytes.NewReader(b)}, []string{"fuzzed"}) != nil {
			return
		}
		log, err := d.Log(ctx)
		if err == nil {
			checkLog(t, log)
		} else if ctx.Err() != nil {
			t.Fatal(err)
		}
	})
}

// damaged is a copy of a file with patches; those with a high first byte are in its headers.
func damaged(good, patches []byte) []byte {
	b := bytes.Clone(good)
	for p := patches; len(p) >= 5 && len(b) > 0; p = p[5:] {
		at := int(p[0])<<16 | int(p[1])<<8 | int(p[2])
		if p[0] >= 128 {
			at &= 0x7fff
		}
		switch c := &b[at%len(b)]; p[3] % 3 {
		case 0:
			*c = p[4]
		case 1:
			*c ^= p[4]
		case 2:
			*c += p[4]
		}
	}
	return b
}
