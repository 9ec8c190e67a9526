// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/kernels"
	"lastpage/lab"
)

// target is what every command that runs trials is told about them: the board, the kernels, the line and the backlog.
type target struct {
	board, inventory string
	catalogue        []string
	tree             kernels.Tree
	image            imageFlags
	baud             int
	backlog, length  int
}

func (t *target) flags(fl *pflag.FlagSet) {
	fl.StringVar(&t.board, "board", "qemu", "board of the inventory")
	fl.StringVar(&t.inventory, "inventory", "", "inventory file (default: the built-in one)")
	fl.StringSliceVar(&t.catalogue, "catalogue", nil, "catalogue file that adds to the built-in one (also "+kernels.CatalogueEnv+")")
	treeFlags(fl, &t.tree)
	t.image.flags(fl)
	fl.StringVar(&t.image.more, "append", "", "more for the command line of --image")
	fl.IntVar(&t.baud, "baud", 115200, "rate of the line")
	fl.IntVar(&t.backlog, "backlog", 600, "records of the backlog")
	fl.IntVar(&t.length, "record-len", 80, "bytes of text in a record of the backlog")
}

// shape is the plan as the flags want it.
func (t *target) shape() *harness.Shape {
	return &harness.Shape{Backlog: t.backlog, RecordLen: t.length}
}

// openWith is open for a command that can override the board's wire.
func (t *target) openWith(cmd *cobra.Command, wire string) (*lab.Board, *kernels.Catalogue, error) {
	board, cat, err := t.open(cmd)
	if err == nil && wire != "" {
		err = board.Entry.UseWire(wire)
	}
	return board, cat, err
}

// open finds the board and the catalogue.
func (t *target) open(cmd *cobra.Command) (*lab.Board, *kernels.Catalogue, error) {
	if err := t.check(cmd); err != nil {
		return nil, nil, err
	}
	board, err := t.find()
	if err != nil {
		return nil, nil, err
	}
	cat, err := kernels.LoadCatalogue(t.catalogue...)
	if err == nil && len(t.image.files) == 0 {
		err = idle(cmd, "without --image, whose command line it is", "append")
	}
	if err == nil {
		err = t.image.use(cmd, cat)
	}
	if err == nil && t.tree.Set() {
		err = cat.Use(kernels.Strategic, t.tree)
	}
	if err == nil && t.tree.Source != "" {
		err = cat.UsePlain(t.tree, "")
	}
	return board, cat, err
}

// find is the board.
func (t *target) find() (*lab.Board, error) {
	if t.baud < 50 || t.baud > 4_000_000 {
		return nil, fmt.Errorf("--baud %d: want 50 to 4000000", t.baud)
	}
	inv, err := lab.LoadInventory(t.inventory)
	if err != nil {
		return nil, err
	}
	return inv.Find(t.board)
}

func treeFlags(fl *pflag.FlagSet, t *kernels.Tree) {
	fl.StringVar(&t.Source, "tree", "", "Linux tree to build in place of "+kernels.Strategic+"'s: a directory (only read), a tarball, or a git URL[#REF]")
	fl.StringArrayVar(&t.Patches, "patch", nil, "patch on top of the catalogue's; may be repeated")
	fl.StringVar(&t.Config, "config", "", "whole .config in place of the small one")
}

// together is how many strategies are made ready at the same time: one waits for the network or for a single-threaded step while another
// computes.
const together = 2

// subjects makes strategies ready to be tried, fetching or building what is not in the cache. free is never nil.
func (t *target) subjects(ctx context.Context, b *lab.Board, cat *kernels.Catalogue, names []string, o lab.Options, p *progress) (all []*harness.Subject, free func(), err error) {
	o.Baud, o.Progress, o.Errors = t.baud, p, p.errs
	made := make([]*harness.Subject, len(names))
	free = func() {
		for _, s := range made {
			if s != nil {
				s.Bench.Rest()
			}
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(together)
	for i, name := range names {
		g.Go(func() (err error) {
			made[i], err = b.Subject(ctx, cat, name, o)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, free, err
	}
	return made, free, nil
}

// folder takes the folder that --out names, or makes a new one below runs. file is what will be kept in it.
func folder(out, name, file string) (*compare.Folder, error) {
	if out != "" {
		return compare.OpenFolder(out, file)
	}
	return compare.NewFolder(filepath.Join("runs", name+time.Now().Format("20060102-150405")), file)
}
