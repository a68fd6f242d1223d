package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

// writeWAV writes one channel of samples from -1 to 1 as 16-bit PCM.
func writeWAV(path string, samples []float32, rate int) error {
	size := 2 * len(samples)
	b := []byte("RIFF")
	b = binary.LittleEndian.AppendUint32(b, uint32(36+size))
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	for _, v := range []uint16{1, 1} { // PCM, one channel
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(2*rate))
	for _, v := range []uint16{2, 16} { // bytes a sample, bits
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	for _, s := range samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(max(-1, min(1, s))*32767)))
	}
	return os.WriteFile(path, b, 0o666)
}

// readWAV reads a WAV file of one channel of 16-bit PCM: its samples, from -1 to 1, and how many there are a second. Chunks
// other than fmt and data are passed over.
//
// Source: Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0", 1991
func readWAV(path string) (samples []float32, rate int, err error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, err
	}
	if samples, rate, err = parseWAV(raw); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", path, err)
	}
	return samples, rate, nil
}

func parseWAV(raw []byte) (samples []float32, rate int, err error) {
	if len(raw) < 12 || !bytes.HasPrefix(raw, []byte("RIFF")) || string(raw[8:12]) != "WAVE" {
		return nil, 0, errors.New("not a WAV file")
	}
	for at := raw[12:]; len(at) >= 8; {
		id, size := string(at[:4]), int(binary.LittleEndian.Uint32(at[4:]))
		if at = at[8:]; size > len(at) {
			return nil, 0, fmt.Errorf("chunk %q has %d bytes, of which %d are there", id, size, len(at))
		}
		chunk := at[:size]
		at = at[min(size+size%2, len(at)):] // chunks begin at even places
		switch {
		case id == "fmt " && size >= 16:
			format, channels, bits := binary.LittleEndian.Uint16(chunk), binary.LittleEndian.Uint16(chunk[2:]), binary.LittleEndian.Uint16(chunk[14:])
			if format != 1 || channels != 1 || bits != 16 {
				return nil, 0, fmt.Errorf("format %d with %d channels of %d bits; only PCM (1) with one of 16 is read", format, channels, bits)
			}
			rate = int(binary.LittleEndian.Uint32(chunk[4:]))
		case id == "data" && rate > 0:
			samples = make([]float32, size/2)
			for i := range samples {
				samples[i] = float32(int16(binary.LittleEndian.Uint16(chunk[2*i:]))) / 32768
			}
			return samples, rate, nil
		}
	}
	return nil, 0, errors.New("there is no sound in it")
}
