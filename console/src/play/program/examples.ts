/** An example program. */
export interface Example {
  readonly id: string
  readonly name: string
  readonly code: string
}

/** The examples of App Lab's own page about setKeyValue, word for word. */
export const examples: readonly Example[] = [
  {
    id: 'example1',
    name: 'Example 1: Store a value',
    code: `//Stores "highScore": 100 in the app's key/value data storage
setKeyValue('highScore', 100, function(){     console.log("I execute asynchronously when key/value is stored.  Click View Data to see the data.");
});
console.log("I execute immediately after");
`,
  },
  {
    id: 'example2',
    name: 'Example 2: Store it and get it again',
    code: `setKeyValue("highScore", 100 , function () { //Store "highScore": 100 in the app's key/value data storage
  console.log("highScore stored");

  getKeyValue("highScore", function (value) { //When the data is successfully stored, fetch it again
    console.log("high score is: " + value); //Log "highScore", which will be 100.
  });

});
`,
  },
  {
    id: 'example3',
    name: 'Example 3: The biggest number so far',
    code: `var random = randomNumber(1, 100); //Generate a random number
/*Get current value of "biggestNum". The data comes back asynchronously and is stored in 'value' */
getKeyValue("biggestNum", function (value) {
  console.log("random: " + random + " biggestNumber: " + value);
  if ((value === undefined) || (random > value)) { //Check if 'value' is undefined or smaller than random
    setKeyValue("biggestNum", random, function () { //If so, update 'biggestNum' to 'random'
      console.log(random + " is bigger than " + value + ". Updated biggestNumber");
    });
  }
});

`,
  },
]
