// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cavaliergopher/cpio"
	"github.com/google/go-cmp/cmp"

	"lastpage/kernels/plan"
)

func testImage(t *testing.T, age time.Duration) *Image {
	t.Helper()
	dir := t.TempDir()
	put := func(name, data string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(data), 0o640); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(p, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
		return p
	}
	return &Image{Init: put("i", "INIT"), Probe: put("p.ko", "PROBE"), Modules: []string{put("virtio.ko", "M1"), put("virtio_pci.ko", "M2")},
		Config: put("tool", "TOOL")}
}

func pack(t *testing.T, img *Image, p *plan.Plan) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteInitramfs(&b, img, p, map[string]string{"/bin/tool": img.Config, "/bin/again": img.Config}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestInitramfs(t *testing.T) {
	p := plan.Default("0123abcd", 2)
	data := pack(t, testImage(t, 0), p)
	got := map[string]string{}
	var order []string
	r := cpio.NewReader(bytes.NewReader(data))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(time.Unix(0, 0)) {
			t.Errorf("%s is of %v", h.Name, h.ModTime)
		}
		order = append(order, h.Name+" "+h.Mode.String())
		got[h.Name] = string(content)
	}
	want := []string{"init 0100755", "lastpage 040755", "lastpage/plan.json 0100644", "lastpage/lastpage_probe.ko 0100644",
		"lastpage/virtio.ko 0100644", "lastpage/virtio_pci.ko 0100644", "lastpage/modules 0100644", "bin 040755", "bin/again 0100640", "bin/tool 0100640"}
	if d := cmp.Diff(want, order); d != "" {
		t.Error(d)
	}
	if got["init"] != "INIT" || got["lastpage/lastpage_probe.ko"] != "PROBE" || got["bin/tool"] != "TOOL" {
		t.Errorf("%q", got)
	}
	if got["lastpage/modules"] != "/lastpage/virtio.ko\n/lastpage/virtio_pci.ko\n" {
		t.Errorf("load order %q", got["lastpage/modules"])
	}
	if q, err := plan.Parse(strings.NewReader(got["lastpage/plan.json"])); err != nil || cmp.Diff(p, q) != "" {
		t.Errorf("plan %+v, %v", q, err)
	}
}

func TestInitramfsIsDeterministic(t *testing.T) {
	p := plan.Default("0123abcd", 2)
	if !bytes.Equal(pack(t, testImage(t, 0), p), pack(t, testImage(t, time.Hour), p)) {
		t.Error("equal inputs in files of another age and place gave other bytes")
	}
}

func TestInitramfsErrors(t *testing.T) {
	img := testImage(t, 0)
	p := plan.Default("0123abcd", 2)
	p.Backlog = -1
	if err := WriteInitramfs(io.Discard, img, p, nil); err == nil {
		t.Error("an invalid plan was packed")
	}
	img.Probe = "/nonexistent"
	if err := WriteInitramfs(io.Discard, img, plan.Default("0123abcd", 2), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no probe: %v", err)
	}
}
