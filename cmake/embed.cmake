# Writes FILES as C arrays with a table of names:
# cmake -DOUTPUT= -DFILES= [-DHEADER= -DTABLE=] -P embed.cmake
# The table is an array TABLE of struct vanta_catalog_data, declared by HEADER.
if(NOT TABLE)
    set(TABLE vanta_catalog_data)
    set(HEADER models/catalog_data.h)
    set(COUNTED TRUE)
endif()
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
string(CONCAT text "#include \"${HEADER}\"\n\n${arrays}\n"
    "const struct vanta_catalog_data ${TABLE}[] = {\n${table}    {0, 0, 0}};\n")
if(COUNTED)
    string(APPEND text "const size_t ${TABLE}_count = ${n};\n")
endif()
file(WRITE ${OUTPUT} "${text}")
