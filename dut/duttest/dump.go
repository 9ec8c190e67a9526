// SPDX-License-Identifier: Apache-2.0

package duttest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"

	"lastpage/capture/ring"
	"lastpage/dut"
)

// The synthetic memory of a script: a kernel image at a fixed place, and in it a ringbuffer that never wraps. The layout of the structs is
// this file's own; the VMCOREINFO describes it, as a kernel's does.
const (
	imageVirt = 0xffffffff81000000
	imagePhys = 1 << 20
	atPointer = 0x1000 // of prb
	atHeader  = 0x2000
	atUTS     = 0x3000
	atDescs   = 0x10000
	countBits = 13 // records at most
	dataBits  = 20 // bytes of text at most
	infoSize  = 88
	descSize  = 24
	idMask    = 1<<62 - 1
	finalized = 2 // enum desc_state (printk_ringbuffer.h)
	reusable  = 3
)

const (
	atInfos = atDescs + descSize<<countBits
	atData  = atInfos + infoSize<<countBits
	memory  = imagePhys + atData + 1<<dataBits + 1<<12
)

// layout is what VMCOREINFO says of the structs; offsets and sizes in bytes.
const layout = `OFFSET(printk_ringbuffer.desc_ring)=0
OFFSET(printk_ringbuffer.text_data_ring)=48
OFFSET(printk_ringbuffer.fail)=80
SIZE(printk_ringbuffer)=88
SIZE(prb_desc_ring)=48
OFFSET(prb_desc_ring.count_bits)=0
OFFSET(prb_desc_ring.descs)=8
OFFSET(prb_desc_ring.infos)=16
OFFSET(prb_desc_ring.head_id)=24
OFFSET(prb_desc_ring.tail_id)=32
SIZE(prb_desc)=24
OFFSET(prb_desc.state_var)=0
OFFSET(prb_desc.text_blk_lpos)=8
SIZE(prb_data_blk_lpos)=16
OFFSET(prb_data_blk_lpos.begin)=0
OFFSET(prb_data_blk_lpos.next)=8
SIZE(printk_info)=88
OFFSET(printk_info.seq)=0
OFFSET(printk_info.ts_nsec)=8
OFFSET(printk_info.text_len)=16
OFFSET(printk_info.caller_id)=20
OFFSET(printk_info.dev_info)=24
SIZE(dev_printk_info)=64
OFFSET(dev_printk_info.subsystem)=0
LENGTH(printk_info_subsystem)=16
OFFSET(dev_printk_info.device)=16
LENGTH(printk_info_device)=48
SIZE(prb_data_ring)=32
OFFSET(prb_data_ring.size_bits)=0
OFFSET(prb_data_ring.data)=8
OFFSET(prb_data_ring.head_lpos)=16
OFFSET(prb_data_ring.tail_lpos)=24
SIZE(atomic_long_t)=8
OFFSET(atomic_long_t.counter)=0
NUMBER(pgtable_l5_enabled)=0
KERNELOFFSET=0
PAGESIZE=4096
`

// dump writes what the script's kernel stored as a core that any reader of cores can open.
func (m *machine) dump(ctx context.Context, dir string) error {
	mem := make([]byte, memory)
	image := mem[imagePhys:]
	put := func(at int, v uint64) { binary.LittleEndian.PutUint64(image[at:], v) }
	put(atPointer, imageVirt+atHeader)
	put(atHeader, countBits)
	put(atHeader+8, imageVirt+atDescs)
	put(atHeader+16, imageVirt+atInfos)
	put(atHeader+48, dataBits)
	put(atHeader+56, imageVirt+atData)
	copy(image[atUTS:], "Linux")
	// Ids start where they overflow early, as the kernel has them; the first record follows the one that never was.
	first := uint64(idMask - 1<<countBits + 1)
	slot := func(id uint64) int { return int(id & (1<<countBits - 1)) }
	put(atDescs+descSize*slot(first-1), (first-1)|reusable<<62)
	var at int
	for i := range m.records {
		r := &m.records[i]
		size := (8 + len(r.Text) + 7) &^ 7
		if i >= 1<<countBits-1 || at+size > 1<<dataBits {
			return errors.New("duttest: the script stores more than its ring holds")
		}
		id := first + uint64(i)
		info := image[atInfos+infoSize*slot(id):]
		binary.LittleEndian.PutUint64(info, r.Seq)
		binary.LittleEndian.PutUint64(info[8:], r.TsNsec)
		binary.LittleEndian.PutUint16(info[16:], uint16(len(r.Text)))
		info[18], info[19] = r.Facility, r.Flags|r.Level<<5
		binary.LittleEndian.PutUint32(info[20:], r.Caller)
		put(atDescs+descSize*slot(id)+8, uint64(at))
		put(atDescs+descSize*slot(id)+16, uint64(at+size))
		put(atDescs+descSize*slot(id), id|finalized<<62)
		put(atData+at, id)
		copy(image[atData+at+8:], r.Text)
		at += size
	}
	head := first + uint64(len(m.records)) - 1
	put(atHeader+24, head&idMask)
	put(atHeader+32, first)
	if len(m.records) == 0 {
		put(atHeader+32, head&idMask)
	}
	put(atHeader+64, uint64(at))
	text := fmt.Sprintf("OSRELEASE=%s\nSYMBOL(prb)=%x\nSYMBOL(init_uts_ns)=%x\nNUMBER(phys_base)=%d\nSYMBOL(init_top_pgt)=%x\n%s", m.s.Release,
		uint64(imageVirt+atPointer), uint64(imageVirt+atUTS), int64(imagePhys)-(imageVirt-0xffffffff80000000), uint64(imageVirt), layout)
	info, err := ring.ParseVMCoreInfo([]byte(text))
	if err != nil {
		return err
	}
	rd, err := ring.Open(ctx, bytes.NewReader(mem), memory, info)
	if err != nil {
		return err
	}
	return rd.SaveCore(ctx, filepath.Join(dir, dut.DumpName))
}
