// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lastpage/kernels"
	"lastpage/kernels/prebuilt"
)

// ownImage is the name of a kernel of the user's, and of the strategy that it is, where he gives it none.
const ownImage = "image"

// imageFlags are kernels of the user's that are built already.
type imageFlags struct {
	files                    []string // FILE or NAME=FILE
	headers, modules, initrd string
	more                     string   // words for the command line
	names                    []string // of use
}

func (f *imageFlags) flags(fl *pflag.FlagSet) {
	fl.StringArrayVar(&f.files, "image", nil, "kernel that is built already: bzImage, vmlinuz or linux-image .deb; NAME=FILE gives it a name (default "+ownImage+"); may be repeated")
	fl.StringVar(&f.headers, "headers", "", "what modules for --image are built with: the folder of its build, or its linux-headers package (default: looked for)")
	fl.StringVar(&f.modules, "modules", "", "folder of the modules of --image: its lib/modules/RELEASE (default: looked for, where they are needed)")
	fl.StringVar(&f.initrd, "initrd", "", "initramfs whose files are in the guest of --image too; process 1 is ours")
}

// imageOnly are the flags that say something of --image.
var imageOnly = []string{"headers", "modules", "initrd"}

// use puts the images into the catalogue.
func (f *imageFlags) use(cmd *cobra.Command, cat *kernels.Catalogue) error {
	if len(f.files) == 0 {
		return idle(cmd, "without --image, of which they tell something", imageOnly...)
	}
	if given := given(cmd, treeNames...); len(given) > 0 {
		return fmt.Errorf("--image and %s: an image is built already: leave one of them out", strings.Join(given, ", "))
	}
	if given := given(cmd, imageOnly...); len(f.files) > 1 && len(given) > 0 {
		return fmt.Errorf("%s with %d times --image: they would be of one kernel only; write the kernels into a file for --catalogue (image: {file, headers, modules, initrd})",
			strings.Join(given, ", "), len(f.files))
	}
	for _, text := range f.files {
		name, _ := named(text)
		if slices.Contains(f.names, name) {
			return fmt.Errorf("--image %s: two images are named %s; give each a name: --image NAME=FILE", text, name)
		}
		f.names = append(f.names, name)
	}
	for _, text := range f.files {
		name, file := named(text)
		src := prebuilt.Source{File: file, Headers: f.headers, Modules: f.modules, Initrd: f.initrd}
		if err := cat.UseImage(cmd.Context(), name, src, f.more); err != nil {
			return err
		}
	}
	return nil
}

// named splits NAME=FILE. A file whose path has a '=' after a '/' has no name before it.
func named(text string) (name, file string) {
	name, file, ok := strings.Cut(text, "=")
	if !ok || strings.Contains(name, "/") {
		return ownImage, text
	}
	return name, file
}

// tried are the strategies to try: those that the user named and the images; of neither, otherwise.
func (f *imageFlags) tried(cmd *cobra.Command, named, otherwise []string) []string {
	var all []string
	if cmd.Flags().Changed("strategy") {
		all = append(all, named...)
	}
	if all = append(all, f.names...); len(all) == 0 {
		return otherwise
	}
	return all
}
