package archive

// xzFits tells whether the first block of the xz file that begins with head needs a dictionary of no more than most bytes: the library
// takes what the file asks for, up to 4 GiB (https://tukaani.org/xz/xz-file-format.txt, 3.1 and 5.3.1). What is no header is for the
// library to tell.
func xzFits(head []byte, most int64) bool {
	const streamHeader, sizesFlags, lzma2 = 12, 0xc0, 0x21
	if len(head) < streamHeader+2 || head[streamHeader] == 0 {
		return true
	}
	flags, fields := head[streamHeader+1], head[streamHeader+2:min(len(head), streamHeader+4*(int(head[streamHeader])+1))]
	for size := flags & sizesFlags; size != 0; size <<= 1 {
		if size&0x80 != 0 {
			for len(fields) > 0 && fields[0]&0x80 != 0 {
				fields = fields[1:]
			}
			fields = fields[min(1, len(fields)):]
		}
	}
	if len(fields) < 3 || fields[0] != lzma2 {
		return true
	}
	bits := fields[2] & 0x3f
	dictionary := int64(2|bits&1) << (bits/2 + 11)
	return dictionary <= most
}
