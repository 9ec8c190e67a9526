// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"lastpage/harness"
)

// pointsName is the file to which every point is appended when it is done; a line each, so that a kill costs at most the last one.
const pointsName = "points.jsonl"

// pointLog is that file and what is in it.
type pointLog struct {
	mu     sync.Mutex
	f      *os.File
	points []*Point
	done   map[string]bool // by Inject
	odds   int
}

func openPoints(dir string) (*pointLog, error) {
	path := filepath.Join(dir, pointsName)
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	k := &pointLog{done: map[string]bool{}}
	// A line without its end is what a kill left.
	whole := bytes.LastIndexByte(data, '\n') + 1
	sc := bufio.NewScanner(bytes.NewReader(data[:whole]))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		p := new(Point)
		if err := json.Unmarshal(sc.Bytes(), p); err != nil {
			return nil, fmt.Errorf("read %s: point %d: %w", path, len(k.points)+1, err)
		}
		if !k.done[p.Inject] {
			k.points, k.done[p.Inject] = append(k.points, p), true
		}
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if k.f, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644); err != nil {
		return nil, err
	}
	if err := k.f.Truncate(int64(whole)); err != nil {
		return nil, errors.Join(err, k.f.Close())
	}
	if _, err := k.f.Seek(0, io.SeekEnd); err != nil {
		return nil, errors.Join(err, k.f.Close())
	}
	return k, nil
}

func (k *pointLog) has(in harness.Inject) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.done[in.String()]
}

// add keeps a point and says how many there are.
func (k *pointLog) add(p *Point) (int, error) {
	line, err := json.Marshal(p)
	if err != nil {
		return 0, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, err := k.f.Write(append(line, '\n')); err != nil {
		return len(k.points), err
	}
	k.points, k.done[p.Inject] = append(k.points, p), true
	return len(k.points), nil
}

// odd says whether the evidence of one more odd point is to be kept.
func (k *pointLog) odd() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.odds++
	return k.odds <= maxOdd
}

// quietly runs f while no other point is being added.
func (k *pointLog) quietly(f func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f()
}

func (k *pointLog) sorted() []*Point {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := slices.Clone(k.points)
	slices.SortFunc(out, func(a, b *Point) int { return cmp.Or(cmp.Compare(a.NS, b.NS), cmp.Compare(a.Byte, b.Byte)) })
	return out
}

func (k *pointLog) close() error { return k.f.Close() }
