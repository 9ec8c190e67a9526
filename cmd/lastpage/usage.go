// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lastpage/kernels/names"
)

// group makes a command of commands refuse what is none of them, where cobra would print help and be content.
func group(c *cobra.Command) *cobra.Command {
	c.Args = subcommand
	c.Run, c.RunE = nil, func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return c
}

// subcommand refuses words that are no command of c.
func subcommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var known []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			known = append(known, sub.Name())
		}
	}
	return names.Unknown("command", args[0], "of "+c.CommandPath(), known)
}

// nothing refuses arguments. A command that has commands takes them for one that there is not.
func nothing(c *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case c.HasAvailableSubCommands():
		return subcommand(c, args)
	}
	return fmt.Errorf("%s takes no arguments: %s", c.CommandPath(), strings.Join(args, " "))
}

// teach has every command say how it is used when its arguments are wrong.
func teach(c *cobra.Command) {
	for _, sub := range c.Commands() {
		teach(sub)
	}
	check := c.Args
	if check == nil {
		return
	}
	c.Args = func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return fmt.Errorf("%w\n  usage: %s\n  more:  %s --help", err, cmd.UseLine(), cmd.CommandPath())
		}
		return nil
	}
}

// wants says in words what a flag of a type takes.
var wants = map[string]string{"int": "a whole number", "duration": "a duration such as 2s or 150ms", "bool": "true or false", "uint64": "a whole number, not negative"}

// refuseFlag says what is wrong with a flag without the words of the library that read it.
func refuseFlag(c *cobra.Command, err error) error {
	var value *pflag.InvalidValueError
	var unknown *pflag.NotExistError
	switch {
	case errors.As(err, &value):
		f := value.GetFlag()
		want := wants[f.Value.Type()]
		switch {
		case want == "":
			return err
		case errors.Is(err, strconv.ErrRange):
			want += " that is not as large"
		}
		return fmt.Errorf("--%s %q: want %s", f.Name, value.GetValue(), want)
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "":
		var known []string
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				known = append(known, "--"+f.Name)
			}
		})
		return names.Unknown("flag", "--"+unknown.GetSpecifiedName(), "of "+c.CommandPath(), known)
	}
	return err
}

// helpful makes cobra's own commands refuse what they do not know.
func helpful(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help":
			c.Short = "help about any command"
			c.Run, c.RunE = nil, func(cmd *cobra.Command, args []string) error {
				about, rest, err := cmd.Root().Find(args)
				if err == nil && len(rest) > 0 {
					err = subcommand(about, rest)
				}
				if err != nil {
					return err
				}
				about.InitDefaultHelpFlag()
				return about.Help()
			}
		case "completion":
			c.Short = "write a script that completes commands, flags and their values for a shell"
			group(c)
		}
	}
}
