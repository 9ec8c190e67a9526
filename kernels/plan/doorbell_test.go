// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"encoding/json"
	"testing"
)

func TestDoorbellJSON(t *testing.T) {
	for text, want := range map[string]Doorbell{"1512": {Port: 1512}, "0": {}, `{"address":151781376}`: {Address: 0x90c0000}} {
		var got Doorbell
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if b, err := json.Marshal(want); err != nil || string(b) != text {
			t.Errorf("%+v: %s, %v", want, b, err)
		}
	}
	for _, text := range []string{"65536", "-1", `"x"`, "{}", `{"address":0}`, `{"address":-1}`} {
		var got Doorbell
		if err := json.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%s: accepted as %s", text, got)
		}
	}
	if _, err := json.Marshal(Doorbell{Port: 1, Address: 1}); err == nil {
		t.Error("two places accepted")
	}
}
