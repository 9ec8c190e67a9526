// SPDX-License-Identifier: Apache-2.0

package ring

import "fmt"

// layout is where the fields of the ringbuffer's structures lie, bytes, all from VMCOREINFO (log_buf_vmcoreinfo_setup in
// kernel/printk/printk.c).
type layout struct {
	prb uint64 // address of the pointer to the ringbuffer in use

	rbSize, rbDescRing, rbTextRing, rbFail           uint64
	drCountBits, drDescs, drInfos, drHeadID, drTail  uint64
	descSize, descState, descBegin, descNext         uint64
	infoSize, infoSeq, infoTs, infoTextLen, infoCall uint64
	dataBits, dataData, dataHead, dataTail           uint64

	infoPrio             bool // facility and level lie between text_len and caller_id
	subsysAt, subsysLen  uint64
	deviceAt, deviceLen  uint64
	descRingSz, dataRing uint64
}

// maxStruct bounds the size of every structure, bytes: the largest real one, printk_info, has 88 (108 with execution context).
const maxStruct = 4096

type keyReader struct {
	info *VMCoreInfo
	err  error
}

func (k *keyReader) num(key string) uint64 {
	n, ok := k.info.Number(key)
	if !ok {
		k.fail("no %s", key)
	} else if n > maxStruct {
		k.fail("%s=%d is not plausible", key, n)
	}
	return n
}

// field gives an offset, after a check that its width bytes are inside its structure.
func (k *keyReader) field(key string, width, size uint64) uint64 {
	n := k.num(key)
	if k.err == nil && n+width > size {
		k.fail("%s=%d is outside its structure of %d bytes", key, n, size)
	}
	return n
}

func (k *keyReader) fail(format string, args ...any) {
	if k.err == nil {
		k.err = fmt.Errorf("VMCOREINFO of %q: "+format, append([]any{k.info.Release}, args...)...)
	}
}

func newLayout(info *VMCoreInfo) (*layout, error) {
	k := &keyReader{info: info}
	l := &layout{}
	var ok bool
	if l.prb, ok = info.Symbol("prb"); !ok {
		return nil, fmt.Errorf("VMCOREINFO of %q: neither SYMBOL(prb) nor SYMBOL(log_buf): a kernel without printk, or not Linux", info.Release)
	}
	if n, ok := info.Number("SIZE(atomic_long_t)"); ok && n == 4 {
		return nil, fmt.Errorf("VMCOREINFO of %q: SIZE(atomic_long_t)=4: 32-bit kernels are not supported", info.Release)
	}
	counter := k.field("OFFSET(atomic_long_t.counter)", 8, 8)

	l.descRingSz = k.num("SIZE(prb_desc_ring)")
	l.drCountBits = k.field("OFFSET(prb_desc_ring.count_bits)", 4, l.descRingSz)
	l.drDescs = k.field("OFFSET(prb_desc_ring.descs)", 8, l.descRingSz)
	l.drInfos = k.field("OFFSET(prb_desc_ring.infos)", 8, l.descRingSz)
	l.drHeadID = k.field("OFFSET(prb_desc_ring.head_id)", 8, l.descRingSz) + counter
	l.drTail = k.field("OFFSET(prb_desc_ring.tail_id)", 8, l.descRingSz) + counter

	l.dataRing = k.num("SIZE(prb_data_ring)")
	l.dataBits = k.field("OFFSET(prb_data_ring.size_bits)", 4, l.dataRing)
	l.dataData = k.field("OFFSET(prb_data_ring.data)", 8, l.dataRing)
	l.dataHead = k.field("OFFSET(prb_data_ring.head_lpos)", 8, l.dataRing) + counter
	l.dataTail = k.field("OFFSET(prb_data_ring.tail_lpos)", 8, l.dataRing) + counter

	l.rbSize = k.num("SIZE(printk_ringbuffer)")
	l.rbDescRing = k.field("OFFSET(printk_ringbuffer.desc_ring)", l.descRingSz, l.rbSize)
	l.rbTextRing = k.field("OFFSET(printk_ringbuffer.text_data_ring)", l.dataRing, l.rbSize)
	l.rbFail = k.field("OFFSET(printk_ringbuffer.fail)", 8, l.rbSize) + counter

	blk := k.num("SIZE(prb_data_blk_lpos)")
	l.descSize = k.num("SIZE(prb_desc)")
	l.descState = k.field("OFFSET(prb_desc.state_var)", 8, l.descSize) + counter
	at := k.field("OFFSET(prb_desc.text_blk_lpos)", blk, l.descSize)
	l.descBegin = at + k.field("OFFSET(prb_data_blk_lpos.begin)", 8, blk)
	l.descNext = at + k.field("OFFSET(prb_data_blk_lpos.next)", 8, blk)

	l.infoSize = k.num("SIZE(printk_info)")
	l.infoSeq = k.field("OFFSET(printk_info.seq)", 8, l.infoSize)
	l.infoTs = k.field("OFFSET(printk_info.ts_nsec)", 8, l.infoSize)
	l.infoTextLen = k.field("OFFSET(printk_info.text_len)", 2, l.infoSize)
	l.infoCall = k.field("OFFSET(printk_info.caller_id)", 4, l.infoSize)
	if k.err == nil && l.descSize == 0 {
		k.fail("SIZE(prb_desc)=0")
	}
	if k.err == nil && l.infoSize == 0 {
		k.fail("SIZE(printk_info)=0")
	}
	// u16 text_len; u8 facility; u8 flags:5, level:3; u32 caller_id: the two bytes between have no entry of their own.
	l.infoPrio = l.infoCall == l.infoTextLen+4
	l.device(k)
	return l, k.err
}

// device fills in where dev_printk_info is; a kernel without it simply has no such strings.
func (l *layout) device(k *keyReader) {
	dev, ok := k.info.Number("OFFSET(printk_info.dev_info)")
	if !ok || k.err != nil {
		return
	}
	l.subsysLen = k.num("LENGTH(printk_info_subsystem)")
	l.subsysAt = dev + k.field("OFFSET(dev_printk_info.subsystem)", 0, l.infoSize)
	l.deviceLen = k.num("LENGTH(printk_info_device)")
	l.deviceAt = dev + k.field("OFFSET(dev_printk_info.device)", 0, l.infoSize)
	if k.err == nil && (dev > l.infoSize || l.subsysAt+l.subsysLen > l.infoSize || l.deviceAt+l.deviceLen > l.infoSize) {
		k.fail("dev_printk_info is outside printk_info of %d bytes", l.infoSize)
	}
}
