package qemu

import "testing"

func TestComplaint(t *testing.T) {
	for said, want := range map[string]string{
		"": "",
		"warning: fd: migration to a file is deprecated. Use file: instead.\r\n":                                 "",
		"Error: Device 'x' not found\r\n":                                                                        "Error: Device 'x' not found",
		"warning: fd: migration to a file is deprecated. Use file: instead.\r\nError: the file is too short\r\n": "Error: the file is too short",
	} {
		if got := complaint(said); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}
