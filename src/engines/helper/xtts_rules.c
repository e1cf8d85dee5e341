/*
 * xtts_rules.c - how numbers are spelled, language by language, in the notation of ICU's
 * rule-based number formats: %c cardinals, %o ordinals (languages without %o make them
 * of the cardinal, by its ending: xtts_language.c), sets with %% are parts of those.
 *
 * "21: x >>;" holds for 21 and above, up to the next rule; << is the number divided by the
 * rule's power of ten, >> the rest, [...] is left out without one. When the number has no
 * rest and the rule's base has one, the rule before holds. "11001/1000:" divides by 1000.
 */
#include "engines/helper/xtts_language.h"

const char xtts_rules_en[] =
    "%c:zero;one;two;three;four;five;six;seven;eight;nine;ten;eleven;twelve;thirteen;"
    "fourteen;fifteen;sixteen;seventeen;eighteen;nineteen;20:twenty[->>];30:thirty[->>];"
    "40:forty[->>];50:fifty[->>];60:sixty[->>];70:seventy[->>];80:eighty[->>];"
    "90:ninety[->>];100:<< hundred[ and >>];1000:<< thousand[>%%rest>];"
    "1000000:<< million[>%%rest>];1000000000:<< billion[>%%rest>];"
    "1000000000000:<< trillion[>%%rest>];1000000000000000:<< quadrillion[>%%rest>];"
    "%%rest:' and =%c=;100:, =%c=;";

const char xtts_rules_es[] =
    "%c:cero;uno;dos;tres;cuatro;cinco;seis;siete;ocho;nueve;diez;once;doce;trece;catorce;"
    "quince;dieciséis;diecisiete;dieciocho;diecinueve;veinte;veintiuno;veintidós;"
    "veintitrés;veinticuatro;veinticinco;veintiséis;veintisiete;veintiocho;veintinueve;"
    "30:treinta[ y >>];40:cuarenta[ y >>];50:cincuenta[ y >>];60:sesenta[ y >>];"
    "70:setenta[ y >>];80:ochenta[ y >>];90:noventa[ y >>];100:cien;101:ciento >>;"
    "200:doscientos[ >>];300:trescientos[ >>];400:cuatrocientos[ >>];"
    "500:quinientos[ >>];600:seiscientos[ >>];700:setecientos[ >>];"
    "800:ochocientos[ >>];900:novecientos[ >>];1000:mil[ >>];2000:<< mil[ >>];"
    "1000000:un millón[ >>];2000000:<< millones[ >>];"
    "1000000000000:un billón[ >>];2000000000000:<< billones[ >>];"
    "%o:cero;primero;segundo;tercero;cuarto;quinto;sexto;séptimo;octavo;noveno;décimo;"
    "décimoprimero;décimosegundo;13:décimo >>;20:vigésimo[ >>];30:trigésimo[ >>];"
    "40:quadragésimo[ >>];50:quincuagésimo[ >>];60:sexagésimo[ >>];"
    "70:septuagésimo[ >>];80:octogésimo[ >>];90:nonagésimo[ >>];100:centésimo[ >>];"
    "200:ducentésimo[ >>];300:tricentésimo[ >>];400:cuadrigentésimo[ >>];"
    "500:quingentésimo[ >>];600:sexcentésimo[ >>];700:septigentésimo[ >>];"
    "800:octigentésimo[ >>];900:noningentésimo[ >>];1000:milésimo[ >>];"
    "2000:<%c<milésimo[ >>];1000000:millonésimo[ >>];"
    "2000000:<%c<millonésimo[ >>];";

const char xtts_rules_fr[] =
    "%c:zéro;un;deux;trois;quatre;cinq;six;sept;huit;neuf;dix;onze;douze;treize;quatorze;"
    "quinze;seize;dix-sept;dix-huit;dix-neuf;vingt;vingt et un;22:vingt->>;30:trente;"
    "trente et un;32:trente->>;40:quarante;quarante et un;42:quarante->>;50:cinquante;"
    "cinquante et un;52:cinquante->>;60:soixante;soixante et un;62/20:soixante->>;"
    "71:soixante et onze;72/20:soixante->>;80:quatre-vingts;81/20:quatre-vingt->>;"
    "100:cent[ >>];200:<< cents;201:<< cent >>;1000:mille[ >>];2000:<%%many< mille[ >>];"
    "1000000:un million[ >>];2000000:<< millions[ >>];1000000000:un milliard[ >>];"
    "2000000000:<< milliards[ >>];1000000000000:un billion[ >>];"
    "2000000000000:<< billions[ >>];1000000000000000:un billiard[ >>];"
    "2000000000000000:<< billiards[ >>];"
    "%%many:=%c=;80:quatre-vingt;81:=%c=;100:cent[ >>];200:<%c< cent[ >>];";

const char xtts_rules_de[] =
    "%c:null;eins;zwei;drei;vier;fünf;sechs;sieben;acht;neun;zehn;elf;zwölf;dreizehn;"
    "vierzehn;fünfzehn;sechzehn;siebzehn;achtzehn;neunzehn;20:[>%%ein>und]zwanzig;"
    "30:[>%%ein>und]dreißig;40:[>%%ein>und]vierzig;50:[>%%ein>und]fünfzig;"
    "60:[>%%ein>und]sechzig;70:[>%%ein>und]siebzig;80:[>%%ein>und]achtzig;"
    "90:[>%%ein>und]neunzig;100:<%%ein<hundert[>>];1000:<%%ein<tausend[>>];"
    "1000000:eine Million[ >>];2000000:<< Millionen[ >>];"
    "1000000000:eine Milliarde[ >>];2000000000:<< Milliarden[ >>];"
    "1000000000000:eine Billion[ >>];2000000000000:<< Billionen[ >>];"
    "1000000000000000:eine Billiarde[ >>];2000000000000000:<< Billiarden[ >>];"
    "%%ein:null;ein;=%c=;100:<<hundert[>>];";

const char xtts_rules_it[] =
    "%c:zero;uno;due;tre;quattro;cinque;sei;sette;otto;nove;dieci;undici;dodici;tredici;"
    "quattordici;quindici;sedici;diciassette;diciotto;diciannove;20:vent>%%i>;"
    "30:trent>%%a>;40:quarant>%%a>;50:cinquant>%%a>;60:sessant>%%a>;70:settant>%%a>;"
    "80:ottant>%%a>;90:novant>%%a>;100:cent>%%o>;200:<<cent>%%o>;1000:mille[>%%end>];"
    "2000:<<mila[>%%end>];1000000:un milione[>%%e>];2000000:<< milioni[>%%e>];"
    "1000000000:un miliardo[>%%e>];2000000000:<< miliardi[>%%e>];"
    "1000000000000:un bilione[>%%e>];2000000000000:<< bilioni[>%%e>];"
    "1000000000000000:un biliardo[>%%e>];2000000000000000:<< biliardi[>%%e>];"
    "%%i:i;uno;idue;itré;iquattro;icinque;isei;isette;otto;inove;"
    "%%a:a;uno;adue;atré;aquattro;acinque;asei;asette;otto;anove;"
    "%%o:o;ouno;odue;otré;o=%c=;8:otto;9:o=%c=;80:=%c=;90:o=%c=;"
    "%%end:=%c=;3:tré;4:=%c=;"
    "%%e:' e =%c=;3:' e tré;4:' e =%c=;1000001:, =%c=;2000000:' e =%c=;2000001:, =%c=;";

const char xtts_rules_pt[] =
    "%c:zero;um;dois;três;quatro;cinco;seis;sete;oito;nove;dez;onze;doze;treze;catorze;"
    "quinze;dezasseis;dezassete;dezoito;dezanove;20:vinte[ e >>];30:trinta[ e >>];"
    "40:quarenta[ e >>];50:cinquenta[ e >>];60:sessenta[ e >>];70:setenta[ e >>];"
    "80:oitenta[ e >>];90:noventa[ e >>];100:cem;101:cento e >>;200:duzentos[ e >>];"
    "300:trezentos[ e >>];400:quatrocentos[ e >>];500:quinhentos[ e >>];"
    "600:seiscentos[ e >>];700:setecentos[ e >>];800:oitocentos[ e >>];"
    "900:novecentos[ e >>];1000:mil[>%%rest>];2000:<< mil[>%%rest>];"
    "1000000:um milhão[>%%rest>];2000000:<< milhões[>%%rest>];"
    "1000000000000:um bilião[>%%rest>];"
    "2000000000000:<< biliões[>%%rest>];"
    "%%rest:' e =%c=;101:' =%c=;200:' e =%c=;201:' =%c=;300:' e =%c=;301:' =%c=;"
    "400:' e =%c=;401:' =%c=;500:' e =%c=;501:' =%c=;600:' e =%c=;601:' =%c=;"
    "700:' e =%c=;701:' =%c=;800:' e =%c=;801:' =%c=;900:' e =%c=;901:' =%c=;"
    "1000:' e =%c=;100001:' =%c=;200000:' e =%c=;200001:' =%c=;"
    "%o:zero;primeiro;segundo;terceiro;quarto;quinto;sexto;sétimo;oitavo;nono;"
    "10:décimo[ >>];20:vigésimo[ >>];30:trigésimo[ >>];40:quadragésimo[ >>];"
    "50:quinquagésimo[ >>];60:sexagésimo[ >>];70:septuagésimo[ >>];80:octogésimo[ >>];"
    "90:nonagésimo[ >>];100:centésimo[ >>];200:ducentésimo[ >>];"
    "300:tricentésimo[ >>];400:quadrigentésimo[ >>];500:quingentésimo[ >>];"
    "600:seiscentésimo[ >>];700:septigentésimo[ >>];800:octigentésimo[ >>];"
    "900:nongentésimo[ >>];1000:milésimo[ >>];2000:<< milésimo[ >>];"
    "1000000:milionésimo[ >>];2000000:<< milionésimo[ >>];";

#define PL_THOUSANDS "$(cardinal,few{tysiące}other{tysięcy})$"
const char xtts_rules_pl[] =
    "%c:zero;jeden;dwa;trzy;cztery;pięć;sześć;siedem;osiem;dziewięć;dziesięć;jedenaście;"
    "dwanaście;trzynaście;czternaście;piętnaście;szesnaście;siedemnaście;osiemnaście;"
    "dziewiętnaście;20:dwadzieścia[ >>];30:trzydzieści[ >>];40:czterdzieści[ >>];"
    "50:pięćdziesiąt[ >>];60:sześćdziesiąt[ >>];70:siedemdziesiąt[ >>];"
    "80:osiemdziesiąt[ >>];90:dziewięćdziesiąt[ >>];100:sto[ >>];200:dwieście[ >>];"
    "300:trzysta[ >>];400:czterysta[ >>];500:<<set[ >>];1000:tysiąc[ >>];"
    "2000:<< " PL_THOUSANDS "[ >>];"
    "1000000:milion[ >>];2000000:<< $(cardinal,few{miliony}other{milionów})$[ >>];"
    "1000000000:miliard[ >>];"
    "2000000000:<< $(cardinal,few{miliardy}other{miliardów})$[ >>];"
    "1000000000000:bilion[ >>];"
    "2000000000000:<< $(cardinal,few{biliony}other{bilionów})$[ >>];"
    "1000000000000000:biliard[ >>];"
    "2000000000000000:<< $(cardinal,few{biliardy}other{biliardów})$[ >>];"
    "%o:zerowy;pierwszy;drugi;trzeci;czwarty;piąty;szósty;siódmy;ósmy;dziewiąty;"
    "dziesiąty;jedenasty;dwunasty;trzynasty;czternasty;piętnasty;szesnasty;siedemnasty;"
    "osiemnasty;dziewiętnasty;20:dwudziesty[ >>];30:trzydziesty[ >>];"
    "40:czterdziesty[ >>];50:pięćdziesiąty[ >>];60:sześćdziesiąty[ >>];"
    "70:siedemdziesiąty[ >>];80:osiemdziesiąty[ >>];90:dziewięćdziesiąty[ >>];"
    "100:setny;101:sto >>;200:dwusetny;201:dwieście >>;300:trzysetny;301:trzysta >>;"
    "400:czterysetny;401:czterysta >>;500:<%c<setny;501:<%c<set >>;1000:tysięczny;"
    "1001:tysiąc >>;2000:<%%many<tysięczny;2001:<%c< " PL_THOUSANDS " >>;"
    "1000000:milionowy;1000001:milion >>;2000000:<%%many<milionowy;"
    "2000001:<%c< $(cardinal,few{miliony}other{milionów})$ >>;"
    "%%many:zero;jedno;dwu;trzy;cztero;pięcio;sześcio;siedmio;ośmio;dziewięcio;"
    "dziesięcio;jedenasto;dwunasto;trzynasto;czternasto;piętnasto;szesnasto;"
    "siedemnasto;osiemnasto;dziewiętnasto;20:dwudziesto[>>];30:trzydziesto[>>];"
    "40:czterdziesto[>>];50:pięćdziesięcio[>>];60:sześćdziesięcio[>>];"
    "70:siedemdziesięcio[>>];80:osiemdziesięcio[>>];90:dziewięćdziesięcio[>>];"
    "100:stu[>>];200:dwustu[>>];300:trzystu[>>];400:czterystu[>>];500:<%c<set[>>];";

const char xtts_rules_tr[] =
    "%c:sıfır;bir;iki;üç;dört;beş;altı;yedi;sekiz;dokuz;10:on[>>];20:yirmi[>>];"
    "30:otuz[>>];40:kırk[>>];50:elli[>>];60:altmış[>>];70:yetmiş[>>];80:seksen[>>];"
    "90:doksan[>>];100:yüz[>>];200:<<yüz[>>];1000:bin[>>];2000:<<bin[>>];"
    "1000000:<<milyon[>>];1000000000:<<milyar[>>];1000000000000:<<trilyon[>>];"
    "1000000000000000:<<katrilyon[>>];";

#define RU_THOUSANDS "$(cardinal,one{тысяча}few{тысячи}other{тысяч})$"
#define RU_MILLIONS "$(cardinal,one{миллион}few{миллиона}other{миллионов})$"
const char xtts_rules_ru[] =
    "%c:ноль;один;два;три;четыре;пять;шесть;семь;восемь;девять;десять;одиннадцать;"
    "двенадцать;тринадцать;четырнадцать;пятнадцать;шестнадцать;семнадцать;восемнадцать;"
    "девятнадцать;20:двадцать[ >>];30:тридцать[ >>];40:сорок[ >>];50:пятьдесят[ >>];"
    "60:шестьдесят[ >>];70:семьдесят[ >>];80:восемьдесят[ >>];90:девяносто[ >>];"
    "100:сто[ >>];200:двести[ >>];300:триста[ >>];400:четыреста[ >>];500:<<сот[ >>];"
    "1000:<%f< " RU_THOUSANDS "[ >>];1000000:<< " RU_MILLIONS "[ >>];"
    "1000000000:<< $(cardinal,one{миллиард}few{миллиарда}other{миллиардов})$[ >>];"
    "1000000000000:<< $(cardinal,one{триллион}few{триллиона}other{триллионов})$[ >>];"
    "1000000000000000:<< "
    "$(cardinal,one{квадриллион}few{квадриллиона}other{квадриллионов})$[ >>];"
    "%f:ноль;одна;две;=%c=;20:двадцать[ >>];30:тридцать[ >>];40:сорок[ >>];"
    "50:пятьдесят[ >>];60:шестьдесят[ >>];70:семьдесят[ >>];80:восемьдесят[ >>];"
    "90:девяносто[ >>];100:сто[ >>];200:двести[ >>];300:триста[ >>];"
    "400:четыреста[ >>];500:<%c<сот[ >>];1000:<< " RU_THOUSANDS "[ >>];"
    "1000000:<%c< " RU_MILLIONS "[ >>];1000000000:=%c=;"
    "%o:нулевой;первый;второй;третий;четвёртый;пятый;шестой;седьмой;восьмой;девятый;"
    "десятый;одиннадцатый;двенадцатый;тринадцатый;четырнадцатый;пятнадцатый;"
    "шестнадцатый;семнадцатый;восемнадцатый;девятнадцатый;20:двадцатый;21:двадцать >>;"
    "30:тридцатый;31:тридцать >>;40:сороковой;41:сорок >>;50:пятидесятый;"
    "51:пятьдесят >>;60:шестидесятый;61:шестьдесят >>;70:семидесятый;71:семьдесят >>;"
    "80:восьмидесятый;81:восемьдесят >>;90:девяностый;91:девяносто >>;100:сотый;"
    "101:сто >>;200:двухсотый;201:двести >>;300:трёхсотый;301:триста >>;"
    "400:четырёхсотый;401:четыреста >>;500:<%%many<сотый;501:<%c<сот >>;1000:тысячный;"
    "1001:тысяча >>;2000:<%%many<тысячный;2001:<%f< " RU_THOUSANDS " >>;"
    "1000000:миллионный;1000001:миллион >>;2000000:<%%many<миллионный;"
    "2000001:<%c< " RU_MILLIONS " >>;"
    "%%many:ноль;одно;двух;трёх;четырёх;пяти;шести;семи;восьми;девяти;десяти;"
    "одиннадцати;двенадцати;тринадцати;четырнадцати;пятнадцати;шестнадцати;"
    "семнадцати;восемнадцати;девятнадцати;20:двадцати[>>];30:тридцати[>>];"
    "40:сорока[>>];50:пятидесяти[>>];60:шестидесяти[>>];70:семидесяти[>>];"
    "80:восьмидесяти[>>];90:девяносто[>>];100:сто[>>];200:двухсот[>>];"
    "300:трёхсот[>>];400:четырёхсот[>>];500:<<сот[>>];";

const char xtts_rules_nl[] =
    "%c:nul;één;twee;drie;vier;vijf;zes;zeven;acht;negen;tien;elf;twaalf;dertien;"
    "veertien;vijftien;zestien;zeventien;achttien;negentien;20:[>%%en>]twintig;"
    "30:[>%%en>]dertig;40:[>%%en>]veertig;50:[>%%en>]vijftig;60:[>%%en>]zestig;"
    "70:[>%%en>]zeventig;80:[>%%en>]tachtig;90:[>%%en>]negentig;100:honderd[>>];"
    "200:<<honderd[>>];1000:duizend[>>];2000:<<duizend[>>];1000000:een miljoen[ >>];"
    "2000000:<< miljoen[ >>];1000000000:een miljard[ >>];2000000000:<< miljard[ >>];"
    "1000000000000:een biljoen[ >>];2000000000000:<< biljoen[ >>];"
    "1000000000000000:een biljard[ >>];2000000000000000:<< biljard[ >>];"
    "%%en:nul;eenen;tweeën;drieën;vieren;vijfen;zesen;zevenen;achten;negenen;";

/* Plurals follow the last digit, as in Polish: that locale is asked for them. */
#define CS_THOUSANDS "$(cardinal,few{tisíce}other{tisíc})$"
const char xtts_rules_cs[] =
    "%c:nula;jedna;dva;tři;čtyři;pět;šest;sedm;osm;devět;deset;jedenáct;dvanáct;třináct;"
    "čtrnáct;patnáct;šestnáct;sedmnáct;osmnáct;devatenáct;20:dvacet[ >>];30:třicet[ >>];"
    "40:čtyřicet[ >>];50:padesát[ >>];60:šedesát[ >>];70:sedmdesát[ >>];"
    "80:osmdesát[ >>];90:devadesát[ >>];100:sto[ >>];200:dvěstě[ >>];300:<<sta[ >>];"
    "500:<<set[ >>];1000:tisíc[ >>];2000:<< " CS_THOUSANDS "[ >>];1000000:milion[ >>];"
    "2000000:<< $(cardinal,few{miliony}other{milionů})$[ >>];1000000000:miliarda[ >>];"
    "2000000000:<< $(cardinal,few{miliardy}other{miliard})$[ >>];"
    "1000000000000:bilion[ >>];"
    "2000000000000:<< $(cardinal,few{biliony}other{bilionů})$[ >>];"
    "1000000000000000:biliarda[ >>];"
    "2000000000000000:<< $(cardinal,few{biliardy}other{biliard})$[ >>];"
    "%o:nultý;první;druhý;třetí;čtvrtý;pátý;šestý;sedmý;osmý;devátý;desátý;jedenáctý;"
    "dvanáctý;třináctý;čtrnáctý;patnáctý;šestnáctý;sedmnáctý;osmnáctý;devatenáctý;"
    "20:dvacátý[ >>];30:třicátý[ >>];40:čtyřicátý[ >>];50:padesátý[ >>];"
    "60:šedesátý[ >>];70:sedmdesátý[ >>];80:osmdesátý[ >>];90:devadesátý[ >>];"
    "100:stý;101:sto >>;200:dvoustý;201:dvěstě >>;300:třístý;301:třista >>;"
    "400:čtyřstý;401:čtyřista >>;500:<%%many<stý;501:<%c<set >>;1000:tisící;"
    "1001:tisíc >>;2000:<%%many<tisící;2001:<%c< " CS_THOUSANDS " >>;"
    "1000000:miliontý;1000001:=%c=;"
    "%%many:nula;jedno;dvou;tří;čtyř;pěti;šesti;sedmi;osmi;devíti;desíti;=%c=;";

const char xtts_rules_ar[] =
    "%c:صفر;واحد;اثنان;ثلاثة;أربعة;خمسة;ستة;سبعة;ثمانية;تسعة;عشرة;أحد عشر;اثنا عشر;"
    "ثلاثة عشر;أربعة عشر;خمسة عشر;ستة عشر;سبعة عشر;ثمانية عشر;تسعة عشر;"
    "20:[>> و ]عشرون;30:[>> و ]ثلاثون;40:[>> و ]أربعون;50:[>> و ]خمسون;"
    "60:[>> و ]ستون;70:[>> و ]سبعون;80:[>> و ]ثمانون;90:[>> و ]تسعون;100:مائة[ و >>];"
    "200:مئتا;201:مئتان و >>;300:ثلاثمائة[ و >>];400:أربعمائة[ و >>];500:خمسمائة[ و >>];"
    "600:ستمائة[ و >>];700:سبعمائة[ و >>];800:ثمانمائة[ و >>];900:تسعمائة[ و >>];"
    "1000:ألف[ و >>];2000:ألفا;2001:ألفان و >>;3000:<< آلاف[ و >>];"
    "11000/1000:<< ألف;11001/1000:<< ألفاً و >>;1000000:مليون[ و >>];2000000:مليونا;"
    "2000001:مليونان و >>;3000000:<< ملايين[ و >>];11000000/1000:<< مليون;"
    "11000001/1000:<< مليوناً و >>;1000000000:مليار[ و >>];2000000000:مليارا;"
    "2000000001:ملياران و >>;3000000000:<< مليارات[ و >>];"
    "11000000000/1000:<< مليار;11000000001/1000:<< ملياراً و >>;"
    "1000000000000:تريليون[ و >>];2000000000000:تريليونا;2000000000001:تريليونان و >>;"
    "3000000000000:<< تريليونات[ و >>];11000000000000/1000:<< تريليون[ و >>];"
    "%f:صفر;إحدى;اثنتان;ثلاث;أربع;خمس;ست;سبع;ثمان;تسع;عشر;إحدى عشرة;اثنتا عشرة;"
    "ثلاث عشرة;أربع عشرة;خمس عشرة;ست عشرة;سبع عشرة;ثماني عشرة;تسع عشرة;20:[>> و ]عشرون;"
    "30:[>> و ]ثلاثون;40:[>> و ]أربعون;50:[>> و ]خمسون;60:[>> و ]ستون;70:[>> و ]سبعون;"
    "80:[>> و ]ثمانون;90:[>> و ]تسعون;100:=%c=;"
    "%o:صفر;اول;ثاني;ثالث;رابع;خامس;سادس;سابع;ثامن;تاسع;عاشر;حادي عشر;ثاني عشر;"
    "ثالث عشر;رابع عشر;خامس عشر;سادس عشر;سابع عشر;ثامن عشر;تاسع عشر;20:=%f=;";

const char xtts_rules_hu[] =
    "%c:nulla;egy;kettő;három;négy;öt;hat;hét;nyolc;kilenc;tíz;11:tizen>>;20:húsz;"
    "21:huszon>>;30:harminc[>>];40:negyven[>>];50:ötven[>>];60:hatvan[>>];"
    "70:hetven[>>];80:nyolcvan[>>];90:kilencven[>>];100:száz[>%%part>];"
    "200:<%%part<száz[>%%part>];1000:ezer[>%%part>];2000:<%%part<ezer[->%%part>];"
    "1000000:<%%part<millió[->%%part>];1000000000:<%%part<milliárd[->%%part>];"
    "1000000000000:<%%part<billió[->%%part>];"
    "1000000000000000:<%%part<billiárd[->%%part>];"
    "%%part:nulla;egy;két;=%c=;";
