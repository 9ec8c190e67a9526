// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"sync"

	"lastpage/harness"
)

// job is one cell to be filled.
type job struct {
	s  *harness.Subject
	sc harness.Scenario
}

// schedule deals out the cells of a matrix. A worker stays with a subject while it has cells, and two workers are on two subjects while
// there are as many: what the trials of a subject share, its snapshots above all, is made once, and nobody waits for another's boot.
type schedule struct {
	mu     sync.Mutex
	queues []*queue
	on     map[int]*queue // worker -> where it is
}

// queue is what is left of one subject.
type queue struct {
	s       *harness.Subject
	todo    []harness.Scenario
	workers int // that are on it
	busy    int // cells that are being filled
}

// add puts a cell after the others of its subject.
func (d *schedule) add(s *harness.Subject, sc harness.Scenario) {
	for _, q := range d.queues {
		if q.s.Strategy == s.Strategy {
			q.todo = append(q.todo, sc)
			return
		}
	}
	d.queues = append(d.queues, &queue{s: s, todo: []harness.Scenario{sc}})
}

// next is the next cell of a worker; ok is false when there are none left.
func (d *schedule) next(worker int) (j job, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	q := d.on[worker]
	if q == nil || len(q.todo) == 0 {
		if q != nil {
			q.workers--
		}
		delete(d.on, worker)
		if q = d.pick(); q == nil {
			return job{}, false
		}
		q.workers++
		d.on[worker] = q
	}
	sc := q.todo[0]
	q.todo = q.todo[1:]
	q.busy++
	return job{q.s, sc}, true
}

// pick is the first subject that nobody is on, otherwise the one with the most left; nil if nothing is left.
func (d *schedule) pick() *queue {
	var best *queue
	for _, q := range d.queues {
		if len(q.todo) == 0 {
			continue
		}
		if q.workers == 0 {
			return q
		}
		if best == nil || len(q.todo) > len(best.todo) {
			best = q
		}
	}
	return best
}

// done says that a cell is filled. After the last of a subject, what its trials shared is freed.
func (d *schedule) done(j job) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, q := range d.queues {
		if q.s.Strategy != j.s.Strategy {
			continue
		}
		if q.busy--; q.busy == 0 && len(q.todo) == 0 {
			q.s.Bench.Rest()
		}
	}
}
