// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"lastpage/capture/port"
)

// captureAll records several ports by this one process, each into a folder below out. A port that cannot be opened ends it before anything is
// recorded; one that fails later leaves the others alone.
func captureAll(cmd *cobra.Command, cfg port.Config, ports []string, out string, said *speaker, asJSON bool) error {
	names, err := folderNames(ports)
	if err != nil {
		return err
	}
	undo, err := makeFolder(out)
	if err != nil {
		return err
	}
	all := make([]*recording, len(ports))
	err = each(len(ports), func(i int) (err error) {
		c := cfg
		c.Name = ports[i]
		all[i], err = openRecording(cmd.Context(), c, names[i], filepath.Join(out, names[i]), said)
		return err
	})
	for _, r := range all {
		if err == nil {
			err = os.Mkdir(r.dir, 0o755)
		}
	}
	if err != nil {
		for _, r := range all {
			if r != nil {
				r.port.Close()
				_ = os.Remove(r.dir)
			}
		}
		undo()
		return err
	}
	for _, r := range all {
		r.port.Log().SetKeep(unseen)
	}
	said.say("lastpage: recording %d lines into %s, each into a folder of its own; Ctrl-C ends it\n%s", len(all), out, notShown(all))
	err = each(len(all), func(i int) error {
		err := all[i].run(cmd.Context())
		if err != nil {
			said.say("\nlastpage: %s: %v; the others go on\n", all[i].name, err)
		}
		return err
	})
	reports, voids, sizes := []*port.Report{}, []string{}, ""
	for _, r := range all {
		if r.report == nil { // nothing was recorded, and err says why
			continue
		}
		reports = append(reports, r.report)
		if v := r.void(); v != "" {
			voids = append(voids, v)
		}
		sizes += fmt.Sprintf("lastpage: %d bytes in %s\n", r.bytes, r.dir)
	}
	if !asJSON {
		said.say("\n%s", sizes)
	} else {
		err = errors.Join(err, printJSON(cmd.OutOrStdout(), capturesDocument{capturesSchema, reports}))
	}
	if why := strings.Join(voids, "\n"); why != "" && err == nil {
		return inconclusive("%s", why)
	} else if why != "" {
		return errors.Join(err, errors.New(why))
	}
	return err
}

// notShown says what the ports do not show, once for those of which it is the same.
func notShown(all []*recording) (text string) {
	var kinds []string
	of := map[string][]string{}
	for _, r := range all {
		if u := strings.Join(r.port.Caps().Unseen, ", "); u != "" {
			if of[u] == nil {
				kinds = append(kinds, u)
			}
			of[u] = append(of[u], r.name)
		}
	}
	for _, u := range kinds {
		text += fmt.Sprintf("lastpage: not shown by %s: %s\n", strings.Join(of[u], " "), u)
	}
	return text
}

// each calls f for all of n at once, and joins what they return.
func each(n int, f func(i int) error) error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = f(i) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// folderNames names a folder after each port: its name, with "-" for what is neither letter, digit, dot, dash nor underscore, and neither
// dot nor dash in front.
func folderNames(ports []string) ([]string, error) {
	of := map[string]string{}
	var names []string
	for _, p := range ports {
		words := strings.FieldsFunc(strings.TrimPrefix(p, "/dev/"), func(c rune) bool {
			return c != '.' && c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
		})
		name := strings.TrimLeft(strings.Join(words, "-"), ".-")
		if name = name[:min(len(name), 200)]; name == "" {
			return nil, fmt.Errorf("%q names no port", p)
		}
		if other, twice := of[name]; twice {
			return nil, fmt.Errorf("%s and %s would both be recorded into a folder %s", other, p, name)
		}
		of[name] = p
		names = append(names, name)
	}
	return names, nil
}
