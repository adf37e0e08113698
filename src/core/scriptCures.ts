import { shellWord } from "./shellWord.ts";

/** The commands that mend the text of a script. */
export const CURES = {
  fromUtf16: (file: string) =>
    inFile(file, (word) => `iconv -f UTF-16 -t UTF-8 ${word} > ${word}.utf8 && cat ${word}.utf8 > ${word}`),
  withoutMark: (file: string) => inFile(file, (word) => `sed -i '1s/^\\xEF\\xBB\\xBF//' ${word}`),
  withoutReturns: (file: string) => inFile(file, (word) => `sed -i 's/\\r$//' ${word}`),
  withLines: (file: string) => inFile(file, (word) => `sed -i 's/\\r/\\n/g' ${word}`),
} as const;

function inFile(file: string, cure: (word: string) => string): string {
  return cure(shellWord(file));
}
