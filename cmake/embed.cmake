# Writes FILES as C arrays with a table of names (models/catalog_data.h):
# cmake -DOUTPUT= -DTABLE= -DFILES= -P embed.cmake
set(arrays "")
set(table "")
set(n 0)
foreach(file ${FILES})
    file(READ ${file} hex HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)"
        "\\1\n" bytes "${bytes}")
    get_filename_component(name ${file} NAME)
    string(APPEND arrays "static const unsigned char file_${n}[] = {\n${bytes}0};\n")
    string(APPEND table "    {\"${name}\", file_${n}, sizeof file_${n} - 1},\n")
    math(EXPR n "${n} + 1")
endforeach()
file(WRITE ${OUTPUT} "#include \"models/catalog_data.h\"\n\n${arrays}\n"
    "extern const struct vanta_catalog_data ${TABLE}[];\n"
    "extern const size_t ${TABLE}_count;\n"
    "const struct vanta_catalog_data ${TABLE}[] = {\n${table}"
    "    {0, 0, 0}};\nconst size_t ${TABLE}_count = ${n};\n")
